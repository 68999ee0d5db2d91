import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { readEnvironment } from '../src/settings/environment.ts'
import { createWheel, createAlarm } from '../src/reply/wheel.ts'
import { eventually, getJson } from './support.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const built = fileURLToPath(new URL('../dist/main.js.bundle/main.js', import.meta.url))

// The test uses the shipped program, so it builds it first; seconds, at most a minute.
beforeAll(async () => {
  const build = ['libs/local/bundle.mjs', 'libs/llm-simulator']
  await promisify(execFile)(process.execPath, build, { cwd: root, timeout: 60_000 })
}, 60_000)

it('the LLM simulator prints its URL in one line of JSON and stops on SIGTERM', async () => {
  const env = { ...process.env, SIMULATOR_TTFT_MS: '3' }
  const child = spawn(process.execPath, [built], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  expect(await getJson(`${url}/sim/config`)).toMatchObject({ ttftMs: 3 })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

it('the LLM simulator reads its environment variables once and reports every problem of them', () => {
  const read = readEnvironment({
    SIMULATOR_PORT: '70000',
    SIMULATOR_TTFT_MS: 'soon',
    SIMULATOR_FAULT_500: '2',
    SIMULATOR_SPEED: '1',
    OTHER: 'x',
  })
  expect(read.kind).toBe('invalid')
  const text = read.kind === 'invalid' ? read.problems.join('\n') : ''
  for (const name of ['PORT', 'TTFT_MS', 'FAULT_500', 'SPEED']) {
    expect(text).toContain(`SIMULATOR_${name}`)
  }
})

it('timers of the LLM simulator fire in order, never early, and not after they were cancelled (W1)', async () => {
  // Ten times as fast as the wall clock: the far alarm, a round of the wheel away, rings within 0.5 s.
  const wheel = createWheel(() => performance.now() * 10)
  const rung: string[] = []
  const set = (name: string, delayMs: number): ReturnType<typeof createAlarm> => {
    const atMs = wheel.nowMs() + delayMs
    const alarm = createAlarm(() => rung.push(wheel.nowMs() >= atMs ? name : `${name} early`))
    wheel.arm(alarm, atMs)
    return alarm
  }
  set('second', 40)
  set('first', 10)
  wheel.disarm(set('never', 20))
  const moved = set('moved', 15)
  wheel.arm(moved, wheel.nowMs() + 60)
  // One round of the wheel is 5.1 s: this alarm shares its slots with nearer ones.
  set('far', 5_130)
  await eventually(() => expect(rung).toEqual(['first', 'second', 'moved', 'far']))
  wheel.close()
})
