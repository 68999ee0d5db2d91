/**
 * The hosts that a model may name. A pattern is `host`, `*.suffix` or `*`; `:port` or `:*` after it
 * allows ports other than 80 and 443.
 */
export type HostRule = ReturnType<typeof createHostRule>

const DEFAULT_PORTS = ['80', '443']
/** A host of letters, digits, dots and dashes; an IPv6 address stands in brackets. */
const PATTERN = /^(\*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(\d{1,5}|\*))?$/

/** Whether a text is a host pattern. */
export function isHostPattern(text: string): boolean {
  return PATTERN.test(text.toLowerCase())
}

/** Creates a rule from the allowed hosts minus the denied hosts. */
export function createHostRule(allowed: readonly string[], denied: readonly string[]) {
  return {
    /** Returns why a URL may not be fetched; undefined if it may. */
    refuses(url: URL): string | undefined {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        return `only http and https are fetched, not ${url.protocol}`
      }
      if (url.username !== '' || url.password !== '') return 'a URL must not hold credentials'
      // A trailing dot names the same host, so it must not change the decision.
      const host = url.hostname.toLowerCase().replace(/\.{1,99}$/, '')
      const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
      if (denied.some((pattern) => hostFits(pattern, host))) return `the host ${host} is denied`
      if (!allowed.some((pattern) => hostFits(pattern, host) && portFits(pattern, port))) {
        return `the host ${host} with port ${port} is not allowed`
      }
      return undefined
    },
  }
}

function hostFits(pattern: string, host: string): boolean {
  const [, wanted = ''] = PATTERN.exec(pattern.toLowerCase()) ?? []
  if (wanted === '*') return true
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted
}

function portFits(pattern: string, port: string): boolean {
  const [, , wanted] = PATTERN.exec(pattern.toLowerCase()) ?? []
  if (wanted === undefined) return DEFAULT_PORTS.includes(port)
  return wanted === '*' || wanted === port
}
