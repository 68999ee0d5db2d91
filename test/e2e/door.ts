import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * A door into the shared fleet for requests as the docs show them: without a key, and with words
 * such as `TASK_ID`.
 */
export interface Door extends AsyncDisposable {
  /** Host and port. */
  readonly address: string
  /** The JSON answer of the latest request. */
  readonly latest: () => unknown
  /** From now on tasks are submitted with this model; undefined leaves the model to the request. */
  useModel(name: string | undefined): void
  /** Requests refused since the last call, each in one line. */
  readonly takeRefused: () => readonly string[]
}

/** A word in place of an id: it means the id in the answer of the latest POST. */
const ID_WORD = /\b[A-Z]+(?:_[A-Z]+)*_ID\b/g
/** Headers that concern one connection, not the request. */
const HOPS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect'])

/** Opens a door behind which every request carries this key. */
export async function openDoor(fleetUrl: string, key: string): Promise<Door> {
  const refused: string[] = []
  const sockets = new Set<Socket>()
  let latest: unknown
  let id = ''
  let model: string | undefined
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = request
    const given = (await text(request)).replaceAll(ID_WORD, id)
    const submits = model !== undefined && method === 'POST' && url === '/v1/tasks'
    const body = submits ? JSON.stringify({ ...(JSON.parse(given) as object), model }) : given
    const headers = Object.entries(request.headers).filter(([name]) => !HOPS.has(name))
    const answer = await fetch(`${fleetUrl}${url.replaceAll(ID_WORD, id)}`, {
      method,
      headers: { ...Object.fromEntries(headers.map(([k, v]) => [k, String(v)])), ...keyOf(key) },
      ...(body === '' ? {} : { body }),
    })
    const said = await answer.text()
    if (!answer.ok) refused.push(`${method} ${url}: ${answer.status} ${said}`)
    latest = said === '' ? undefined : JSON.parse(said)
    if (method === 'POST' && hasId(latest)) ({ id } = latest)
    const type = answer.headers.get('content-type') ?? 'application/json'
    response.writeHead(answer.status, { 'content-type': type }).end(said)
  }
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => {
      refused.push(`${request.method} ${request.url}: ${String(error)}`)
      response.writeHead(502).end()
    })
  })
  server.on('upgrade', (request, socket, head) => {
    const fleet = connect(Number(new URL(fleetUrl).port), new URL(fleetUrl).hostname)
    sockets.add(socket as Socket).add(fleet)
    const headers = { ...request.headers, ...keyOf(key) }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)
    fleet.write([`GET ${request.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
    fleet.write(head)
    fleet.pipe(socket).on('error', () => fleet.destroy())
    socket.pipe(fleet).on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    latest: () => latest,
    useModel: (name) => {
      model = name
    },
    takeRefused: () => refused.splice(0),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function keyOf(key: string): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` }
}

function hasId(value: unknown): value is { readonly id: string } {
  return typeof value === 'object' && value !== null && 'id' in value
}
