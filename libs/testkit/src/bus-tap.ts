import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/**
 * A TCP proxy in front of nats-server that understands a client's commands, so that a test can stop a service
 * at an exact point: "after this append, before that publish".
 */
export interface BusTap extends AsyncDisposable {
  readonly url: string
  /** Target of the connections; may be set after the tap listens. */
  target(port: number): void
  /** Called with each message the client publishes; `drop` keeps it from the server. */
  onPublish(listener: (message: Published) => 'forward' | 'drop'): void
  /** From now on no message of the server reaches the client. */
  muteServer(): void
  /** Lets messages pass again. */
  reset(): void
}

/** One PUB or HPUB of a client. */
export interface Published {
  readonly subject: string
  /** Headers and payload as text. */
  readonly text: string
}

const LOOPBACK = '127.0.0.1'

/** Listens on a free loopback port. */
export async function startBusTap(): Promise<BusTap> {
  let targetPort = 0
  let listener: ((message: Published) => 'forward' | 'drop') | undefined
  let muted = false
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(targetPort, LOOPBACK)
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    const read = createFrameReader((frame, published) => {
      const dropped = published !== undefined && listener?.(published) === 'drop'
      if (!dropped && upstream.writable) upstream.write(frame)
    })
    client.on('data', read)
    upstream.on('data', (chunk) => {
      if (!muted && client.writable) client.write(chunk)
    })
  })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `nats://${LOOPBACK}:${port}`,
    target(next) {
      targetPort = next
    },
    onPublish(next) {
      listener = next
    },
    muteServer() {
      muted = true
    },
    reset() {
      listener = undefined
      muted = false
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Splits a client's bytes into protocol frames: a line, and for PUB and HPUB the payload behind it. */
function createFrameReader(
  emit: (frame: Buffer, published: Published | undefined) => void,
): (chunk: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0)
  return (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    for (;;) {
      const lineEnd = buffer.indexOf('\r\n')
      if (lineEnd < 0) return
      const words = buffer.toString('utf8', 0, lineEnd).split(' ')
      const verb = words[0]?.toUpperCase()
      const carries = verb === 'PUB' || verb === 'HPUB'
      const size = carries ? Number(words.at(-1)) : 0
      const end = lineEnd + 2 + (carries ? size + 2 : 0)
      if (buffer.length < end) return
      const frame = buffer.subarray(0, end)
      buffer = buffer.subarray(end)
      const text = carries ? frame.toString('utf8', lineEnd + 2, end - 2) : ''
      emit(frame, carries ? { subject: words[1] ?? '', text } : undefined)
    }
  }
}
