/**
 * The connection of the NATS client, with one fault of the client mended (nats 2.29.3, and 3.4.0 as well): an attempt
 * that the client gives up after its time limit stays open. When the server answers again, it ends this attempt,
 * because no client logs in on it. The client takes this for the end of its present connection and connects a second
 * time, without closing the first. From then on the process would receive every message twice, in two streams
 * that one parser reads alternately.
 */
import type { Socket } from 'node:net'
import type { ConnectionOptions, NatsConnection } from 'nats'
import { NatsConnectionImpl, setTransportFactory } from 'nats/lib/src/nats-base-client.js'
import { NodeTransport, nodeResolveHost } from 'nats/lib/src/node_transport.js'

/** Connects to NATS as `connect` of the client does; an attempt that the client gives up ends at once. */
export function connectNats(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new ClosingTransport(), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}

class ClosingTransport extends NodeTransport {
  #givenUp = false

  /** Ends the attempt, too, if it has not become a connection yet; the client's own transport leaves it open. */
  override async close(error?: Error): Promise<void> {
    this.#givenUp = !this.connected
    // The type of the client does not say that the socket is undefined before the first answer.
    if (this.#givenUp) (this.socket as Socket | undefined)?.destroy()
    await super.close(error)
  }

  override async dial(address: { hostname: string; port: number }): Promise<Socket> {
    const socket = await super.dial(address)
    if (this.#givenUp) {
      socket.destroy()
      throw new Error('the client has given up this attempt')
    }
    return socket
  }
}
