import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT, runCli } from '@agentfleet/cli'
import type { FleetAccess } from '@agentfleet/local'
import { eventually } from '@agentfleet/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** The commands as people type them. */
let dir: string
const running: ChildProcess[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
})
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

const ROOT = join(import.meta.dirname, '../..')
const START = 'libs/local/dist/main.js'

interface Command {
  readonly child: ChildProcess
  output(): string
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
}

function run(script: string, ...args: string[]): Command {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT })
  running.push(child)
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, output: () => output, ended }
}

/** Runs the command line on the fleet whose state is in `dir`. */
async function agentfleet(url: string, ...args: string[]) {
  const said = { out: '', err: '' }
  const code = await runCli(args, {
    env: { AGENTFLEET_URL: url },
    version: '0.0.0',
    stateDir: dir,
    terminal: {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      columns: undefined,
      noteColumns: undefined,
      signal: new AbortController().signal,
    },
  })
  return { code, ...said }
}

/** The addresses that a fleet has printed. */
function addresses(output: string): string[] {
  return [...output.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url)
}

async function expectGone(urls: readonly string[]): Promise<void> {
  expect(urls.length).toBeGreaterThan(2)
  for (const url of new Set(urls)) await expect(fetch(url)).rejects.toThrow('fetch failed')
}

describe('npm start', () => {
  it('runs its tasks, exits with code 0 and leaves no process behind when it is called as `agentfleet up --once`', async () => {
    const command = run('libs/cli/dist/main.js', 'up', '--once', '--data', dir)
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('6 of 6 tasks completed')
    await expectGone(addresses(command.output()))
  })

  it('keeps running until Ctrl-C, and finds its state again at the next start', async () => {
    const first = run(START, '--data', dir, '--tasks', '2')
    await eventually(() => expect(first.output()).toContain('The fleet is up'), 90_000)
    const url = addresses(first.output())[0]!
    const state = join(dir, 'fleet-1', 'fleet.json')
    const access = JSON.parse(await readFile(state, 'utf8')) as FleetAccess
    expect(access).toMatchObject({ state: 'running', pid: first.child.pid, url })
    // Three servers, six services, two workers and the simulator.
    expect(access.processes).toHaveLength(12)
    for (const { pid } of access.processes) expect(process.kill(pid, 0)).toBe(true)
    for (const { log } of access.processes) expect((await stat(log)).isFile()).toBe(true)
    const listed = (await (await fetch(`${url}/v1/tasks`)).json()) as { tasks: { id: string }[] }
    const demo = await agentfleet(url, 'demo', '--tasks', '200', '--kill-nodes', '1', '--json')
    expect(demo.code, demo.err).toBe(EXIT.done)
    expect(JSON.parse(demo.out)).toMatchObject({ lost: 0, endedTwice: 0 })
    first.child.kill('SIGINT')
    expect(await first.ended, first.output()).toBe(0)
    await expectGone(addresses(first.output()))
    expect(JSON.parse(await readFile(state, 'utf8'))).toMatchObject({
      state: 'stopped',
      processes: [],
    })

    const second = run(START, '--data', dir, '--tasks', '1')
    await eventually(() => expect(second.output()).toContain('The fleet is up'), 90_000)
    const again = addresses(second.output())[0]!
    for (const { id } of listed.tasks) {
      const view = (await (await fetch(`${again}/v1/tasks/${id}`)).json()) as { state: string }
      expect(view.state).toBe('completed')
    }
    second.child.kill('SIGINT')
    expect(await second.ended, second.output()).toBe(0)
  })

  it('can run twice at the same time, and each fleet has its own directory', async () => {
    const commands = [run(START, '--once', '--data', dir), run(START, '--once', '--data', dir)]
    for (const command of commands) expect(await command.ended, command.output()).toBe(0)
    const states = commands.map((command) => /state +(\S+)/.exec(command.output())?.[1])
    expect(new Set(states).size).toBe(2)
  })

  it('reports what is wrong with an option', async () => {
    const command = run(START, '--workers', 'many')
    expect(await command.ended).toBe(1)
    expect(command.output()).toContain('--workers must be a whole number')
  })
})

describe('npm run bench', () => {
  const bench = (parts: string) =>
    run('libs/local/bootstrap.mjs', 'bench', '--smoke', '--only', parts)

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

describe('npm run chaos', () => {
  it('kills and freezes every kind of process for half a minute, and every accepted task ends once', async () => {
    const flags = ['--minutes', '0.5', '--seed', '14']
    const command = run('libs/local/bootstrap.mjs', 'chaos', ...flags)
    expect(await command.ended, command.output()).toBe(0)
    expect(command.output()).toContain('; 0 violations')
    expect(command.output()).toMatch(/^sound$/m)
  }, 420_000)
})
