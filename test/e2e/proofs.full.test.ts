import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

/** Benchmark, chaos and proofs as people start them, at small sizes. They mostly wait, so four run at a time. */
const ROOT = join(import.meta.dirname, '../..')

const running: ChildProcess[] = []
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

interface Command {
  output(): string
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
}

function run(...args: string[]): Command {
  const script = join(ROOT, 'libs/local/bootstrap.mjs')
  const child = spawn(process.execPath, [script, ...args], { cwd: ROOT })
  running.push(child)
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  return { output: () => output, ended: new Promise((resolve) => child.once('exit', resolve)) }
}

const bench = (parts: string) => run('bench', '--smoke', '--only', parts)
const prove = (...args: string[]) => run('prove', ...args)

describe.concurrent('npm run bench', () => {
  it('kills a worker of AgentFleet and one of BullMQ, and counts the calls that were paid twice', async () => {
    const command = bench('paid-twice')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toMatch(/agentfleet +40 of 40 +240/)
    expect(command.output()).toMatch(/bullmq +\d+ of 40 +240/)
    expect(command.output()).toContain('0 violations')
  })

  it('measures AgentFleet and BullMQ, and finds no violation', async () => {
    const command = bench('throughput,failover')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toMatch(/ours\/theirs: \d+\.\d+×/)
    expect(command.output()).toContain('0 violations')
  })
})

describe.concurrent('npm run chaos', () => {
  it('kills and freezes every kind of process for half a minute, and every accepted task ends once', async () => {
    const command = run('chaos', '--minutes', '0.5', '--seed', '14')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('; 0 violations')
    expect(command.output()).toMatch(/^sound$/m)
  }, 420_000)
})

describe.concurrent('npm run prove', () => {
  it('with the proof `replay` replays a recorded trace and reports how every task of the trace ended', async () => {
    const trace = join(ROOT, 'test/data/trace.csv')
    const command = prove('replay', '--trace', trace, '--speed', '10')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('60 tasks: 60 completed')
    expect(command.output()).toContain('0 violations')
  })

  it('with the proof `simulate` compares the two policies of AgentFleet with the policies of other systems', async () => {
    const command = prove('simulate', '--smoke')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('AgentFleet')
  })

  it.each([
    ['large waiting tasks', 'waiting', ['--tasks', '40']],
    ['tasks that end while Redis is frozen', 'redis', ['--seconds', '5', '--rate', '100']],
    ['stalled viewers', 'viewers', ['--viewers', '30']],
  ])(
    'with the proof `memory` shows that memory stays bounded with %s',
    async (_what, part, sizes) => {
      const command = prove('memory', '--only', part, ...sizes)
      expect(await command.ended, command.output()).toBe(0)
      expect(command.output()).toContain('memory is bounded, and everything finished')
    },
  )

  it('with the proof `console` searches, cancels by filter and opens tabs, and every count is exact', async () => {
    const sizes = ['--tasks', '3000', '--cancel', '300', '--tabs', '20', '--seconds', '1']
    const command = prove('console', ...sizes)
    // A busy machine may be slower than the proof allows; the proof reports that with its exit code.
    await command.ended
    expect(command.output()).toContain('cancel: 300 tasks')
    for (const count of ['"completed":2700', '"failed":300', '"cancelled":300'])
      expect(command.output()).toContain(count)
    expect(command.output()).toMatch(/20 tabs get .* frames a second/)
    expect(command.output()).not.toMatch(/WRONG .*(counted|cancelled)/)
  })

  it('with the proof `steady` counts no false death of a node on a busy machine', async () => {
    const command = prove('steady', '--minutes', '0.2', '--workers', '2', '--rate', '10')
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('0 FALSE DEATHS')
  })

  it('with the proof `rise` measures how fast the number of nodes follows a rising demand', async () => {
    const demand = ['--base', '1', '--times', '2', '--seconds', '1']
    const phases = ['--calm', '3', '--rise', '3', '--plateau', '5']
    const command = prove('rise', ...demand, ...phases)
    // So few tasks do not fill the slots; the proof reports that with its exit code.
    await command.ended
    expect(command.output()).toContain('slots used at the plateau')
    expect(command.output()).toContain('0 violations')
  })

  it('with the proof `limits` compares the calls of the fleet with the calls that the simulator has counted', async () => {
    const flags = ['--runs', '60', '--rpm', '1200', '--workers', '2', '--call', '200']
    const command = prove('limits', ...flags)
    await command.ended
    expect(command.output()).toContain('60 completed')
    expect(command.output()).toContain('429s: 0 of 60 calls')
    expect(command.output()).toMatch(/throughput: .*% of the request limit/)
  })

  it('lists the proofs when it gets the name of an unknown proof', async () => {
    const command = prove('everything')
    expect(await command.ended).toBe(1)
    expect(command.output()).toContain('usage: npm run prove -- bench|')
  })
})
