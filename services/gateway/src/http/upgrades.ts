import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { SlowReaders } from './slow-readers.ts'

/**
 * Requests that offer another upgrade than the stream to WebSocket. Some clients offer HTTP/2 with each request
 * (`Upgrade: h2c`); RFC 9110 lets a server ignore the offer, but Node hands every upgrade to the WebSocket server,
 * which opens a WebSocket for every path before it closes the connection.
 */

type Upgraded = (request: IncomingMessage, socket: Socket, head: Buffer) => void
type Accept = (this: Server, socket: Socket) => void

/** Headers that concern only the offer. */
const OF_THE_OFFER: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])

/**
 * Lets only a GET of the stream be upgraded, and only to WebSocket; other requests are read again without their
 * offer. An upgrade begins after the answers to earlier requests of the connection, because it takes the connection
 * away from the code that sends them. Call it once.
 */
export function ignoreOtherUpgrades(
  server: Server,
  isStream: (url: string) => boolean,
  afterAnswers: SlowReaders['afterAnswers'],
): void {
  // The listener of Node itself, which parses requests; ours would count the connection again.
  const accept = server.listeners('connection')[0] as Accept
  const upgrades = server.listeners('upgrade') as Upgraded[]
  server.removeAllListeners('upgrade')
  const begin: Upgraded = (request, socket, head) => {
    const { method, url = '', headers } = request
    if (method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && isStream(url)) {
      for (const upgrade of upgrades) upgrade.call(server, request, socket, head)
      return
    }
    socket.unshift(Buffer.concat([headWithoutOffer(request), head]))
    accept.call(server, socket)
  }
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    afterAnswers(socket, () => {
      if (!socket.destroyed) begin(request, socket, head)
    })
  })
}

function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    const value = rawHeaders[at + 1]!
    if (OF_THE_OFFER.has(name.toLowerCase())) continue
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? withoutOffer(value) : value}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function withoutOffer(connection: string): string {
  const words = connection.split(',').map((word) => word.trim())
  const kept = words.filter((word) => !OF_THE_OFFER.has(word.toLowerCase()))
  return kept.length === 0 ? 'keep-alive' : kept.join(', ')
}
