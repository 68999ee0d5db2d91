/** Discovery against a server that answers in Consul's place. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { NODES_MAX } from '@agentfleet/domain'
import { eventually, listen } from '@agentfleet/testkit'
import { describe, expect, test } from 'vitest'
import { connectRegistry } from '../../src/registry/registry.ts'

type Answers = (ask: IncomingMessage, answer: ServerResponse, count: number) => void
const log = { debug() {}, info() {}, warn() {}, error() {} }
const SOON_MS = 30_000

const listed = (...ids: unknown[]): string => JSON.stringify(ids.map((ID) => ({ Service: { ID } })))
const says =
  (text: string, headers: Record<string, string> = { 'x-consul-index': '7' }, status = 200) =>
  (answer: ServerResponse): void =>
    void answer.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)

/** A watch of a server with these answers, and the lists that it receives. */
async function watching(answers: Answers) {
  let count = 0
  const server = await listen(createServer((ask, answer) => answers(ask, answer, (count += 1))))
  const heard: (readonly string[])[] = []
  const watch = connectRegistry({ url: server.url, log }).watch('agent-worker', (ids) =>
    heard.push(ids),
  )
  return {
    heard,
    async [Symbol.asyncDispose]() {
      watch.close()
      await server.close()
    },
  }
}

// Each waits for the pause after a failed read, so they wait together.
describe.concurrent('a watch of Consul', () => {
  test.each([
    ['an answer without its index', says('[]', {})],
    ['the status 400', says('bad', {}, 400)],
    ['an answer that is not JSON', says('{nonsense')],
    ['an object in place of the list', says('{"Service":{"ID":"a"}}')],
    ['an entry without a service', says('[{}]')],
    ['an entry that is null', says('[null]')],
    ['an id that is not a text', says(listed('a', 7))],
    ['an id that is empty', says(listed(''))],
    ['a broken connection', (answer: ServerResponse) => void answer.destroy()],
  ])('keeps its last list after %s, and then reads the next list', async (_, garbage) => {
    await using watch = await watching((_ask, answer, count) => {
      if (count === 1) return says(listed('n1'), { 'x-consul-index': '5' })(answer)
      if (count === 2) return garbage(answer)
      if (count === 3) return says(listed('n1', 'n2'), { 'x-consul-index': '9' })(answer)
      // The next blocking query waits.
      return undefined
    })
    await eventually(() => expect(watch.heard).toEqual([['n1'], ['n1', 'n2']]), SOON_MS)
  })

  test('reads the present list after a lost connection, because a restarted Consul counts from the beginning', async () => {
    await using watch = await watching((ask, answer, count) => {
      if (count === 1) return says(listed('n1'), { 'x-consul-index': '90' })(answer)
      if (count === 2) return void answer.destroy()
      // A query that names a change waits for it: the restarted Consul has counted to 3.
      const { searchParams } = new URL(ask.url!, 'http://consul')
      if (Number(searchParams.get('index') ?? 0) < 3)
        says(listed('n2'), { 'x-consul-index': '3' })(answer)
    })
    await eventually(() => expect(watch.heard).toEqual([['n1'], ['n2']]))
  })

  test('reads a bounded number of services', async () => {
    const many = Array.from({ length: NODES_MAX + 10 }, (_, at) => `n${at}`)
    await using watch = await watching((_ask, answer, count) => {
      if (count === 1) says(listed(...many))(answer)
    })
    await eventually(() => expect(watch.heard[0]).toHaveLength(NODES_MAX), SOON_MS)
  })
})
