/**
 * What a member of a channel may do: for each topic, asking and answering.
 *
 * What counts is what the channel's owner granted and the node's user enabled.
 */

export const TOPICS = ['files', 'feeds', 'tasks'] as const;
export const SIDES = ['request', 'provide'] as const;

export type Topic = (typeof TOPICS)[number];
export type Side = (typeof SIDES)[number];
export type Role = `${Side}-${Topic}`;

/** What an invitation grants unless its writer chooses otherwise. */
export const USUAL_ROLES: readonly Role[] = [
  'request-files',
  'provide-files',
  'request-feeds',
  'provide-feeds'
];

/** The role of one side of a topic. */
export function roleOf(side: Side, topic: Topic): Role {
  return `${side}-${topic}`;
}

/** The roles with one of them turned on or off, in the usual order. */
export function withRole(roles: readonly Role[], role: Role, isOn: boolean): Role[] {
  const chosen = new Set(roles);
  if (isOn) {
    chosen.add(role);
  } else {
    chosen.delete(role);
  }
  return inOrder(chosen);
}

/** Whether two lists have the same roles, in whatever order. */
export function sameRoles(one: readonly Role[], other: readonly Role[]): boolean {
  return inOrder(new Set(one)).join() === inOrder(new Set(other)).join();
}

/** A topic, and which sides of it are there. */
export interface ITopicSides {
  topic: Topic;
  request: boolean;
  provide: boolean;
}

/** The topics of which a member has at least one side. */
export function topicsOf(roles: readonly Role[]): ITopicSides[] {
  return TOPICS.map(topic => ({
    topic,
    request: roles.includes(roleOf('request', topic)),
    provide: roles.includes(roleOf('provide', topic))
  })).filter(sides => sides.request || sides.provide);
}

function inOrder(roles: ReadonlySet<Role>): Role[] {
  return TOPICS.flatMap(topic => SIDES.map(side => roleOf(side, topic))).filter(role =>
    roles.has(role)
  );
}
