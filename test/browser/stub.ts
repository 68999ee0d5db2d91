import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Problem } from '@agentfleet/protocol'
import { readPage } from '../../libs/console/src/index.ts'

/** What a request to the stubbed API carries beyond its address. */
export interface Asked {
  /** The parsed body; undefined if there is none. */
  readonly body: unknown
  readonly headers: IncomingHttpHeaders
}

/** What the stubbed API answers to a request: a value, a `Refused`, or undefined for 404; or a promise of it. */
export type Answer = (url: URL, method: string, asked: Asked) => unknown

/** A refusal of the stubbed API. */
export class Refused {
  readonly problem: Omit<Problem, 'type' | 'title'>
  constructor(problem: Omit<Problem, 'type' | 'title'>) {
    this.problem = problem
  }
}

/** An answer that the gateway itself would never give. */
export class Raw {
  readonly status: number
  readonly type: string
  readonly body: string
  constructor(status: number, type: string, body: string) {
    this.status = status
    this.type = type
    this.body = body
  }
}

/** An answer that stops in the middle, because its connection is lost. */
export class Cut {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

const NOT_FOUND = new Refused({ status: 404, code: 'path-not-found', detail: 'No stub.' })

/** A server with the built page and a stubbed API, for tests of what only the page does. */
export interface Stub extends AsyncDisposable {
  readonly url: string
  /** Requests to the API so far. */
  readonly requests: string[]
  /** Requests to the API that have no whole answer yet. */
  unanswered(): number
}

/** Serves the page at `/console` and the answers below `/v1`, at the time that the answers name. */
export async function serveStub(answer: Answer, nowMs: () => number = Date.now): Promise<Stub> {
  const files = new Map(readPage().map((file) => [file.path, file]))
  const requests: string[] = []
  let unanswered = 0
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://stub')
    const respond = (status: number, type: string, body: Buffer | string): void => {
      response.writeHead(status, { 'content-type': type, date: new Date(nowMs()).toUTCString() })
      response.end(body)
    }
    if (url.pathname.startsWith('/console/')) {
      const file = files.get(url.pathname.slice('/console/'.length)) ?? files.get('index.html')
      return respond(200, file?.type ?? 'text/plain', file?.bytes ?? 'The page is not built.')
    }
    const method = request.method ?? 'GET'
    requests.push(`${method} ${url.pathname}${url.search}`)
    unanswered += 1
    response.once('close', () => (unanswered -= 1))
    void text(request).then(async (sent) => {
      const { headers } = request
      const body = sent === '' ? undefined : (JSON.parse(sent) as unknown)
      const found = (await answer(url, method, { body, headers })) ?? NOT_FOUND
      if (found instanceof Raw) return respond(found.status, found.type, found.body)
      if (found instanceof Cut) {
        const whole = JSON.stringify(found.value)
        const head = { 'content-type': 'application/json', 'content-length': whole.length + 9 }
        response.writeHead(200, head).write(whole, () => response.destroy())
        return undefined
      }
      if (!(found instanceof Refused))
        return respond(200, 'application/json', JSON.stringify(found))
      const problem = JSON.stringify({ title: 'Refused', ...found.problem })
      return respond(found.problem.status, 'application/problem+json', problem)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    unanswered: () => unanswered,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
