import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JournaledCall, TaskEvent } from '@agentfleet/domain'
import { parseEvent } from '@agentfleet/protocol'
import { eventually, startTestFleet, type TestFleet, playScript } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/**
 * A run of ten steps and an answer: the model and a tool with a side effect in turn. For each step, the test
 * kills the worker right after the commit of this step.
 */
const STEPS = 10
/**
 * Deaths of each run, after one step and after those that follow it: up to 5, more would make it a suspected
 * cause.
 */
const KILLS = Number(process.env['TEN_STEPS_KILLS'] ?? 1)
/** Runs side by side, each on a separate node; further nodes take over. */
const TOGETHER = 3
const WORKERS = 5
const SCRIPT = 'ten-steps'
const TOOLS_DIR = fileURLToPath(new URL('../../services/worker/test/tool-folder', import.meta.url))
/** Duration of a call, so that the kill finds the next one under way, milliseconds. */
const CALL_MS = 250
/** A run ends within this: each death costs seconds at most, milliseconds. */
const OVER_WITHIN_MS = 60_000
const TEST_WITHIN_MS = 180_000 * KILLS

let test: TestFleet
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-tools-'))
  await writeFile(join(dir, 'log'), '')
  test = await startTestFleet({
    workers: WORKERS,
    env: { worker: { WORKER_SLOTS: '1', TOOLS_DIR, TOOL_LOG: join(dir, 'log') } },
  })
  const turns = Array.from({ length: STEPS / 2 }, (_, index) => ({
    delayMs: CALL_MS,
    toolCalls: [{ name: 'append_line', arguments: { line: `line ${index}`, ms: CALL_MS } }],
  }))
  const last = { delayMs: CALL_MS, content: 'done' }
  await playScript(test.fleet.simulators[0], SCRIPT, [...turns, last])
})
afterAll(async () => {
  await test[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

/** The outcome of one run. */
interface Outcome {
  readonly result: unknown
  readonly calls: readonly JournaledCall[]
  /** Calls that the provider counted, by step. */
  readonly llm: ReadonlyMap<number, number>
  /** Lines that the tool wrote, by step. */
  readonly tool: ReadonlyMap<number, number>
  readonly kills: number
  /** The steps with which later attempts began: their calls can have been in flight when a worker died. */
  readonly resumed: ReadonlySet<number>
}

/** Runs the script and kills the run's worker right after these steps were committed. */
async function runKilledAfter(steps: readonly number[]): Promise<Outcome> {
  const left = new Set(steps)
  let node: string | undefined
  let kills = 0
  const kill = (step: number): void => {
    const worker = test.fleet.members('worker').find(({ id }) => id === node)
    if (worker === undefined || !left.delete(step)) return
    worker.kill('SIGKILL')
    kills += 1
  }
  const heard = (event: TaskEvent): void => {
    if (event.type === 'attempt-started') node = event.node
    // The first attempt writes no start event: its first report names its node.
    if ('placed' in event && event.placed !== undefined) node = event.placed.node
    if (event.type === 'call-finished') kill(event.call.step)
  }
  const subscription = test.bus.subscribe('live.>', (message) => {
    const { subject } = message
    const text = message.text()
    if (id !== undefined && subject === `live.${id}`) heard(parseEvent(text))
    else early.push({ subject, text })
  })
  const early: { subject: string; text: string }[] = []
  let id: string | undefined
  try {
    expect(await test.bus.roundTrip(5_000)).toBe(true)
    const submitted = await test.client.submit({
      task: 'ten steps',
      model: `sim-script:${SCRIPT}`,
      tools: ['append_line'],
    })
    id = submitted.id
    for (const { subject, text } of early.splice(0)) {
      if (subject === `live.${id}`) heard(parseEvent(text))
    }
    const taskId = id
    await eventually(async () => {
      expect((await test.client.get(taskId)).state).toMatch(/completed|failed|cancelled/)
    }, OVER_WITHIN_MS)
    return await outcomeOf(taskId, kills)
  } finally {
    subscription.close()
  }
}

async function outcomeOf(taskId: string, kills: number): Promise<Outcome> {
  const record = await test.log.record(taskId)
  const url = `${test.fleet.simulators[0]}/sim/calls?task=${taskId}`
  const { calls } = (await (await fetch(url)).json()) as {
    calls: { step: string; started: number }[]
  }
  const tool = new Map<number, number>()
  const lines = (await readFile(join(dir, 'log'), 'utf8')).split('\n')
  for (const line of lines.filter((text) => text.startsWith(`${taskId}.`))) {
    const step = Number(/\.(\d+) line /.exec(line)?.[1])
    tool.set(step, (tool.get(step) ?? 0) + 1)
  }
  return {
    result: record?.result,
    calls: record?.calls ?? [],
    llm: new Map(calls.map(({ step, started }) => [Number(step), started])),
    tool,
    kills,
    resumed: resumedIn((await test.log.history(taskId)).map(({ event }) => event)),
  }
}

/** On a busy machine a kill comes later than its step, so the log says which step followed the last stored one. */
function resumedIn(events: readonly TaskEvent[]): ReadonlySet<number> {
  const resumed = new Set<number>()
  let next = 0
  for (const event of events) {
    if (event.type === 'call-finished') next = Math.max(next, event.call.step + 1)
    if (event.type === 'attempt-started' && next > 0) resumed.add(next)
  }
  return resumed
}

/** The journal in a form that is equal for all runs, oldest step first. */
function told(outcome: Outcome): readonly unknown[] {
  return [...outcome.calls]
    .sort((a, b) => a.step - b.step)
    .map(({ step, kind, name, output, usage }) => ({
      step,
      kind,
      name,
      usage,
      // Ids of tasks and of tool calls differ from run to run.
      output: JSON.stringify(output)
        .replaceAll(/[0-9a-f-]{36}/g, '*')
        .replaceAll(/"id":"[^"]*"/g, '"id":"*"'),
    }))
}

/** Every step and how often it was called, in order; LLM calls have the even steps. */
function counts({ llm, tool }: Outcome): readonly number[] {
  return Array.from(
    { length: STEPS + 1 },
    (_, step) => (step % 2 === 0 ? llm : tool).get(step) ?? 0,
  )
}

describe('a run of ten steps with tools', () => {
  let calm: Outcome
  it('makes each call once when no worker dies', async () => {
    calm = await runKilledAfter([])
    expect(calm.result).toBe('done')
    expect(calm.calls).toHaveLength(STEPS)
    expect(counts(calm)).toEqual(Array.from({ length: STEPS + 1 }, () => 1))
  })

  it(
    'has the same result when its worker is killed after each step in turn, and repeats only the call in flight',
    async () => {
      const waiting = Array.from({ length: STEPS }, (_, step) => step)
      const repeated: number[] = []
      const killAfter = async (first: number): Promise<void> => {
        const steps = Array.from({ length: KILLS }, (_, next) => first + next).filter(
          (step) => step < STEPS,
        )
        const outcome = await runKilledAfter(steps)
        const about = `killed after ${steps.join(', ')}`
        expect(outcome.kills, about).toBe(steps.length)
        expect(outcome.result, about).toEqual(calm.result)
        expect(told(outcome), about).toEqual(told(calm))
        // Only a call with which an attempt began again can have been in flight, and only once.
        const extra = counts(outcome).map((count) => count - 1)
        for (const [step, more] of extra.entries()) {
          expect(more, `${about}: step ${step}`).toBeGreaterThanOrEqual(0)
          expect(more, `${about}: step ${step}`).toBeLessThanOrEqual(
            Number(outcome.resumed.has(step)),
          )
        }
        repeated.push(extra.reduce((sum, more) => sum + more, 0))
      }
      const lane = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          await killAfter(next)
        }
      }
      await Promise.all(Array.from({ length: TOGETHER }, lane))
      const sum = repeated.reduce((total, more) => total + more, 0)
      console.log(
        `${STEPS} runs, ${STEPS * KILLS} deaths at most, ${sum} calls in flight made again`,
      )
    },
    TEST_WITHIN_MS,
  )
})
