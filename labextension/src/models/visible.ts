// Characters that show nothing of their own: they reorder, hide or break what stands around them.
// The two joiners are letters' business in many languages.
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * A name that somebody else chose, such that it looks like what it is: `exe.png` written backwards
 * looks like an image otherwise.
 */
export function visible(name: string): string {
  return name.replace(UNSEEN, '\ufffd');
}
