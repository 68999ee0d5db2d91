import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * The network addresses that a model may reach: all IPv4 addresses that are not listed here, and of
 * IPv6 only global unicast without the ranges that embed other networks.
 *
 * Sources: the IANA special-purpose address registries for IPv4 and IPv6.
 */

/** A range as "address/length". */
type Range = string

const DENIED_V4: readonly Range[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  // Shared by carriers (CGNAT); one cloud serves its metadata here.
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local: the metadata of most clouds.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // A public address at which the platform of one cloud answers.
  '168.63.129.16/32',
]
const ALLOWED_V6: readonly Range[] = ['2000::/3']
const DENIED_V6: readonly Range[] = [
  // Teredo, benchmarking, ORCHID and others.
  '2001::/23',
  '2001:db8::/32',
  // IPv4 within IPv6 (6to4): any network may route it.
  '2002::/16',
  '3fff::/20',
]
/** Ranges that embed an IPv4 address: mapped and translated (NAT64). */
const EMBEDDING: readonly Range[] = ['::ffff:0:0/96', '64:ff9b::/96']

/** Decides about addresses. */
export type AddressRule = ReturnType<typeof createAddressRule>

/** Creates the rule with ranges that are allowed although they are private; throws for an invalid range. */
export function createAddressRule(alsoAllowed: readonly Range[]) {
  const deniedV4 = listOf(DENIED_V4)
  const allowedV6 = listOf(ALLOWED_V6)
  const deniedV6 = listOf(DENIED_V6)
  const embedding = listOf(EMBEDDING)
  const exceptions = listOf(alsoAllowed)
  const allowsV4 = (address: string): boolean =>
    exceptions.check(address, 'ipv4') || !deniedV4.check(address, 'ipv4')
  return {
    /** Whether a model may reach the address; false for text that is not an address. */
    allows(address: string): boolean {
      if (isIPv4(address)) return allowsV4(address)
      // An address with a zone belongs to a link.
      if (!isIPv6(address) || address.includes('%')) return false
      if (embedding.check(address, 'ipv6')) return allowsV4(embeddedV4(address))
      if (exceptions.check(address, 'ipv6')) return true
      return allowedV6.check(address, 'ipv6') && !deniedV6.check(address, 'ipv6')
    },
  }
}

/** Whether a text is a range that `createAddressRule` accepts. */
export function isRange(text: string): boolean {
  const [address = '', length = '', rest] = text.split('/')
  const max = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : -1
  return rest === undefined && /^\d{1,3}$/.test(length) && Number(length) <= max
}

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', length] = range.split('/')
    list.addSubnet(address, Number(length), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}

/** Returns the last 32 bits of an IPv6 address as an IPv4 address. */
function embeddedV4(address: string): string {
  // The URL parser normalizes every notation to groups of hexadecimal digits.
  const { hostname } = new URL(`http://[${address}]/`)
  const groups = hostname.slice(1, -1).split(':')
  const [high = '', low = ''] = groups.slice(-2)
  const bits = (Number.parseInt(high || '0', 16) << 16) | Number.parseInt(low || '0', 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}
