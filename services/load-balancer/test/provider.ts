import { createServer, type ServerResponse } from 'node:http'
import { listen } from '@agentfleet/testkit'

/** A call to the provider: the whole request as text, and the rows of the question. */
export interface Call {
  readonly text: string
  readonly rows: readonly { readonly choice: string; readonly score: number }[]
}

/** An OpenAI-compatible provider over real HTTP that answers as the test says. */
export async function startProvider() {
  const calls: Call[] = []
  const waiting = new Set<ServerResponse>()
  let choose: (call: Call) => unknown = () => ({ choice: 'n1' })
  let hangs = false
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = JSON.parse(text) as { messages: { role: string; content: string }[] }
      const seen = JSON.parse(body.messages[1]!.content) as { nodes: Call['rows'] }
      const call = { text, rows: seen.nodes }
      calls.push(call)
      if (hangs) {
        waiting.add(response)
        return
      }
      send(response, choose(call))
    })
  })
  const { url, close } = await listen(server)
  return {
    url: `${url}/v1`,
    calls,
    answers(next: (call: Call) => unknown) {
      hangs = false
      choose = next
    },
    hang: () => void (hangs = true),
    /** Answers the waiting requests. */
    release(answer: unknown) {
      for (const response of waiting) send(response, answer)
      waiting.clear()
    },
    close,
  }
}

function send(response: ServerResponse, answer: unknown): void {
  const message = { role: 'assistant', content: JSON.stringify(answer), refusal: null }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] }))
}
