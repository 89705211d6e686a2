import type { Query, Requests } from './requests';

/**
 * Address of a content's bytes: a file to keep, or with `inline` a picture to show.
 *
 * The server asks for the cookie's secret, as it does for Jupyter's own downloads: pages of other
 * sites do not know it.
 */
export function downloadUrl(
  requests: Requests,
  sha1: string,
  options: { name?: string; inline?: boolean } = {}
): string {
  const query: Query = {
    name: options.name || undefined,
    inline: options.inline ? 1 : undefined,
    _xsrf: xsrf() || undefined
  };
  return requests.url(`downloads/${encodeURIComponent(sha1)}`, query);
}

/** The secret that a page of this site can read, and that of no other. */
export function xsrf(): string {
  return /(?:^|;\s*)_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? '';
}
