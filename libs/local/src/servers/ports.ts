import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** The one address that servers of a one-machine fleet listen on. */
export const LOOPBACK = '127.0.0.1'

// Below the range that systems give to outgoing connections (Linux from 32768, others from 49152): a client
// could otherwise hold the port of a server that is being restarted.
const PORT_MIN = 20_000
const PORT_MAX = 32_000
// Ports that are drawn seconds before they are used come from a separate part: of the twenty ports that a
// start draws meanwhile, none is one of them.
const EARLY_MIN = 30_000
// Even if only a tenth of the range is free, this fails only once in 10^9 calls.
const DRAWS_MAX = 200

/** Tells whether nothing listens on a loopback port right now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

/**
 * Draws distinct loopback ports that nothing listens on; another process may still take one before it is
 * used. `early`: they are used only after other ports have been drawn.
 */
export async function drawPorts(count: number, early = false): Promise<number[]> {
  const ports = new Set<number>()
  for (let draw = 0; draw < DRAWS_MAX && ports.size < count; draw += 1) {
    const port = early ? randomInt(EARLY_MIN, PORT_MAX) : randomInt(PORT_MIN, EARLY_MIN)
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port)
  }
  if (ports.size < count) throw new Error(`${LOOPBACK} has fewer than ${count} free ports`)
  return [...ports]
}
