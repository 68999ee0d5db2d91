import { NO_USAGE, type JournaledCall, type TaskSpec } from '@agentfleet/domain'
import { describe, expect, test } from 'vitest'
import { createRuns } from '../../src/node/runs.ts'
import { hearAnswer, openConversation } from '../../src/run/conversation.ts'
import { toolTurn } from '../../src/run/tool-turn.ts'
import type { Agent } from '../../src/run/turn.ts'
import { agentDeps } from './deps.ts'
import { answer, offerOf, type Tool } from '../../src/tools/tool.ts'

const spec: TaskSpec = {
  task: 'x',
  agent: 'assistant',
  model: 'm',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 1,
}

/** One turn of a model that calls these tools at once; `ends` gives the order in which they end. */
async function turn(
  names: readonly string[],
  change: Partial<Tool> & { readonly limits?: TaskSpec['limits'] } = {},
) {
  const journal: JournaledCall[] = []
  const order: string[] = []
  let open = 0
  let most = 0
  const waiting = new Map<string, () => void>()
  const tool = (name: string): Tool => ({
    offer: offerOf(name, name, { type: 'object' }),
    source: 'module',
    timeoutMs: 5_000,
    approval: false,
    idempotent: false,
    async run() {
      open += 1
      most = Math.max(most, open)
      // Each call waits until all have begun; the last one to begin ends first.
      await new Promise<void>((resolve) => {
        waiting.set(name, resolve)
        if (waiting.size === names.length) for (const end of [...waiting.values()].reverse()) end()
      })
      open -= 1
      order.push(name)
      return answer(`${name} done`)
    },
    ...change,
  })
  let committing = 0
  const deps = agentDeps({
    async commit(_run, call) {
      committing += 1
      expect(committing).toBe(1)
      await Promise.resolve()
      committing -= 1
      journal.push(call)
      return true
    },
  })
  const deadlineAtMs = Date.now() + 60_000
  const run = createRuns(() => undefined).add(
    { taskId: 't', tenant: 'a', seq: 1, claim: 'c', deadlineAtMs, fenced: false },
    0,
    0,
  )
  const toolCalls = names.map((name) => ({ id: `id-${name}`, name, arguments: '{}' }))
  const rule = { check: undefined, repairsMax: 0 }
  const talk = await hearAnswer(openConversation(spec), { text: '', toolCalls }, NO_USAGE, rule)
  const agent: Agent = {
    run,
    spec: change.limits === undefined ? spec : { ...spec, limits: change.limits },
    tools: new Map([...new Set(names)].map((name) => [name, tool(name)])),
    begun: { calls: [], approvals: [] },
    rule,
    journal: { bytes: 0 },
    deps,
  }
  return { next: await toolTurn(talk, agent), journal, order, most: () => most }
}

describe('the tool calls of one answer', () => {
  test('run in parallel, and each call is journaled under the step number of its position in the answer', async () => {
    const { next, journal, order, most } = await turn(['a', 'b', 'c'])
    expect(most()).toBe(3)
    expect(order).not.toEqual(['a', 'b', 'c'])
    expect(journal.map(({ step, name }) => `${step} ${name}`).sort()).toEqual(['1 a', '2 b', '3 c'])
    if (next.kind !== 'talk') throw new Error(next.kind)
    expect(next.talk.pending).toEqual([])
    expect(next.talk.messages.slice(3).map(({ content }) => content)).toEqual([
      'a done',
      'b done',
      'c done',
    ])
  })

  test('run only as often as the limit of the task allows', async () => {
    const { next, journal } = await turn(['a', 'b'], {
      limits: { toolCallsMax: 1 },
      run: async () => answer('done'),
    })
    expect(journal).toHaveLength(1)
    expect(next).toMatchObject({ kind: 'talk', talk: { toolCalls: 1, pending: [{ name: 'b' }] } })
  })

  test('pause for approval only when the other calls have ended', async () => {
    const { next, journal } = await turn(['a'], { approval: true })
    expect(journal).toEqual([])
    expect(next).toMatchObject({ kind: 'paused', wait: { kind: 'approval', step: 1, tool: 'a' } })
  })
})
