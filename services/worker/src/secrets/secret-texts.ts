/**
 * Finds secrets in texts of others: errors of tools and messages of providers. A text of a client library or a
 * server often repeats the key, the header or the address of the refused request.
 */

const CENSOR = '[secret]'
/** Shorter values, such as `1` or `true`, would remove ordinary text. */
const SECRET_CHARS_MIN = 8

/** What a secret looks like, and what stays of it; each repetition has a bound, so that hostile text costs only its length. */
const PATTERNS: readonly (readonly [pattern: RegExp, before?: string, after?: string])[] = [
  // A private key, also without its end.
  [
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,8192}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
  ],
  // The user and the password in an address; either may be a token.
  [/\/\/[^\s/@]{1,512}@/g, '//', '@'],
  [/\b(bearer|basic)\s{1,4}[\w.+/=~*-]{6,4096}/gi, '$1 '],
  [
    /\b(?:sk|pk|rk|gsk|csk|xai|pplx|fw|tgp|nvapi|hf|r8|gh[opsru]|github_pat|glpat|xox[abeprs]|xapp|npm|shpat|dop_v1|af|aft)[-_][\w-]{16,512}/g,
  ],
  [/\b(?:AKIA|ASIA|AIza)[\w-]{12,64}/g],
  [/\bdapi[0-9a-f]{24,64}/g],
  [/\bya29\.[\w-]{16,1024}/g],
  // A key of which the middle is hidden: its ends are still secret.
  [/\b[\w.-]{2,64}(?:\*{4,64}[\w.*-]{0,64}|\*{3}[\w-]{2,64})/g],
  // Headers, as a line or as a field of JSON.
  [
    /\b((?:authorization|cookie|x-[\w-]{0,32}(?:key|token|auth|secret)|api-?key)["']?\s{0,4}:\s{0,4}["']?)(?!\s|["']|(?:bearer|basic)\b)[^\s"',;]{3,4096}/gi,
    '$1',
  ],
  // Assignments, queries and JSON fields with such names.
  [
    /((?:api[-_ ]?key|access[-_ ]?key|token|secret|passw(?:or)?d|pwd|[?&](?:key|sig|signature|auth|code))(?:=["']?|["']\s{0,4}:\s{0,4}["']))[^\s"',;&]{3,4096}/gi,
    '$1',
  ],
]

/** Texts that may contain a JSON Web Token: its parts in base64url, joined by dots. */
const TOKEN_CHARS = /[\w.-]{18,}/g
/** A token has no shorter parts: the smallest header names an algorithm. */
const TOKEN_HEAD_CHARS_MIN = 13
const TOKEN_BODY_CHARS_MIN = 4

/** Returns the text without these secrets, and without what looks like one; `censor` stands in their places. */
export function withoutSecrets(
  text: string,
  secrets: readonly string[],
  censor: string = CENSOR,
): string {
  const known = secrets.reduce((left, secret) => left.replaceAll(secret, censor), text)
  const unsigned = known.replace(TOKEN_CHARS, (word) => withoutToken(word, censor))
  return PATTERNS.reduce(
    (left, [pattern, before = '', after = '']) =>
      left.replace(pattern, `${before}${censor}${after}`),
    unsigned,
  )
}

/** Ends the text at the first JSON Web Token in it; reads each character once, also if `eyJ` repeats. */
function withoutToken(text: string, censor: string): string {
  let dot = text.indexOf('.')
  for (let at = text.indexOf('eyJ'); at !== -1 && dot !== -1; at = text.indexOf('eyJ', at + 1)) {
    if (dot < at) dot = text.indexOf('.', at)
    const isToken = dot - at >= TOKEN_HEAD_CHARS_MIN && text.length - dot > TOKEN_BODY_CHARS_MIN
    if (isToken && !/\w/.test(text.charAt(at - 1))) return `${text.slice(0, at)}${censor}`
  }
  return text
}

/** Names of variables and headers whose values are secret. */
const SECRET_NAME = /key|token|secret|passw|pwd|credential|auth|cookie/i

/** Whether a text is long enough to be a secret. */
export function isSecretText(text: string): boolean {
  return text.length >= SECRET_CHARS_MIN
}

/** The values with the names of secrets, longest first, because one may contain another. */
export function secretsIn(values: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(values)
    .flatMap(([name, value]) => (value !== undefined && SECRET_NAME.test(name) ? [value] : []))
    .filter(isSecretText)
    .sort((a, b) => b.length - a.length)
}
