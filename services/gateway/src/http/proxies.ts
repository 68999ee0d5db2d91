/**
 * The proxies whose `X-Forwarded-For` the gateway believes. Any other caller can write any text into this
 * header, so the gateway ignores the header of other callers.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'

/** Whether the connection from this address comes from a trusted proxy. */
export type IsProxy = (address: string) => boolean

const MAPPED_PREFIX = '::ffff:'
const PREFIX_MAX = { 4: 32, 6: 128 } as const
/** One customer of a provider has a whole network of this many groups. */
const IPV6_GROUPS = 4
/** The longest address of IPv6, with its zone; what a proxy forwards as an address may be any text. */
export const ADDRESS_CHARS_MAX = 64

/** An address behind which a proxy has written the port; IPv6 then stands in brackets. */
const WITH_PORT = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([\da-f:.]{2,45})\](?::\d{1,5})?)$/i

/** The address without a port, and without the form in which a socket for both families writes IPv4. */
function plainAddress(written: string): string {
  const [, ipv4, ipv6] = WITH_PORT.exec(written) ?? []
  const address = ipv4 ?? ipv6 ?? written
  return address.startsWith(MAPPED_PREFIX) ? address.slice(MAPPED_PREFIX.length) : address
}

/** The address, or the network of an IPv6 address, of which a caller has billions. */
export function networkOf(written: string): string {
  const address = plainAddress(written)
  if (!isIPv6(address)) return address.slice(0, ADDRESS_CHARS_MAX)
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...(tail === undefined ? [] : zeros), ...right].slice(0, IPV6_GROUPS).join(':')
}

/** Makes the check of addresses and networks such as `10.0.0.0/8`; without any, no connection is a proxy's. */
export function createIsProxy(proxies: readonly string[]): IsProxy | undefined {
  if (proxies.length === 0) return undefined
  const list = new BlockList()
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return (written) => {
    const address = plainAddress(written)
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Returns the problems of the entries in TRUSTED_PROXIES. */
export function proxyProblems(proxies: readonly string[]): readonly string[] {
  return proxies
    .filter((proxy) => !isNetwork(proxy))
    .map(
      (proxy) =>
        `TRUSTED_PROXIES: ${JSON.stringify(proxy.slice(0, 80))} is not an address; write addresses or networks, such as 10.0.0.7 or 10.0.0.0/8`,
    )
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family !== 4 && family !== 6) return false
  if (prefix === undefined) return true
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= PREFIX_MAX[family]
}
