import { createSimulator, QUIRKS } from '@agentfleet/llm-simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { providerAt, runTask } from './support.ts'

/** The quirks of the simulator over HTTP, as demos and load tests of the fleet meet them. */

const simulator = createSimulator({ ttftMs: 0, tokensPerSecond: 0, writeIntervalMs: 1 })
let baseUrl = ''
beforeAll(async () => {
  baseUrl = `${(await simulator.listen()).url}/v1`
})
afterAll(() => simulator.close())

const FAILURES: Readonly<Record<string, string>> = {
  'finish-length': 'answer-cut',
  'finish-filter': 'withheld',
  'finish-unknown': 'answer-cut',
  'error-within': 'status',
  'error-in-choice': 'status',
}

test.each(QUIRKS)(
  'a task whose provider streams with the quirk %s either completes or fails once with an error code',
  async (quirk) => {
    const model = `sim?tokens=12&quirk=${quirk}`
    const { ending } = await runTask([providerAt(baseUrl)], { model })
    const kind = FAILURES[quirk]
    if (kind === undefined) expect(ending.kind).toBe('completed')
    else expect(ending).toMatchObject({ kind: 'failed', failure: { kind } })
  },
)
