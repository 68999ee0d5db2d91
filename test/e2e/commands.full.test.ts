import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT, runCli } from '@agentfleet/cli'
import type { FleetAccess } from '@agentfleet/local'
import { eventually } from '@agentfleet/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { golden } from './cli-run.ts'

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
  /** Both outputs. */
  output(): string
  /** The JSON objects of the standard output. */
  objects(): readonly Readonly<Record<string, unknown>>[]
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
}

function run(script: string, ...args: string[]): Command {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT })
  running.push(child)
  let output = ''
  let result = ''
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
    result += String(chunk)
  })
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const objects = () =>
    result
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { child, output: () => output, objects, ended }
}

/** Runs the command line on the fleet whose state is in this folder. */
async function agentfleet(stateDir: string, url: string, ...args: string[]) {
  const said = { out: '', err: '' }
  const code = await runCli(args, {
    env: { AGENTFLEET_URL: url },
    version: '0.0.0',
    stateDir,
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

/** The part of a start that is the same each time, without its ports and times; the tasks end in any order. */
function startOf(output: string): string {
  const [, banner = ''] = /^(AgentFleet: [^]*completed in)/m.exec(output) ?? []
  const lines = golden(banner)
    .replaceAll(dir, 'DIR')
    .replace(/(on these ports: ).*/, '$1PORTS')
    // The cores of the machine decide how many workers may run.
    .replace(/(the fleet runs ).* \(SCALE/, '$1WORKERS (SCALE')
    .split('\n')
  const isTask = (line: string) => / {2}AGE {2}/.test(line)
  return [...lines.filter((line) => !isTask(line)), ...lines.filter(isTask).toSorted()].join('\n')
}

/** A demo whose simulator did not count the calls must not trust its own figures. */
async function expectDistrust(access: FleetAccess): Promise<void> {
  const idleCounts = '{"finished":0,"keyed":{"finishedTwice":0},"calls":[]}'
  const idle = createServer((_request, response) => response.end(idleCounts))
  await once(idle.listen(0, '127.0.0.1'), 'listening')
  const simulators = [`http://127.0.0.1:${(idle.address() as AddressInfo).port}`]
  const other = join(dir, 'other')
  await mkdir(join(other, 'fleet-1'), { recursive: true })
  const file = join(other, 'fleet-1', 'fleet.json')
  await writeFile(file, JSON.stringify({ ...access, simulators }))
  const demo = await agentfleet(other, access.url, 'demo', '--tasks', '5', '--kill-nodes', '0')
  idle.close()
  expect(demo.code, demo.err).toBe(EXIT.checkFailed)
  expect(demo.out).toMatch(/^LLM calls +15 .*, but the simulator counted only 0$/m)
}

async function expectGone(urls: readonly string[]): Promise<void> {
  expect(urls.length).toBeGreaterThan(2)
  for (const url of new Set(urls)) await expect(fetch(url)).rejects.toThrow('fetch failed')
}

/** The ids of the processes of a program that were started, directly or not, by the given process. */
async function startedBy(parent: number, program: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).map(Number).filter((id) => id > 0)) {
    // A process may end while its files are read.
    const stats = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stats.split(') ').at(-1)?.split(' ')[1] !== String(parent)) continue
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (command.includes(program)) found.push(pid)
    found.push(...(await startedBy(pid, program)))
  }
  return found
}

/** Whether a process runs; a process that has ended may wait to be collected by its parent. */
async function isRunning(pid: number): Promise<boolean> {
  const stats = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return stats.split(') ').at(-1)?.startsWith('Z') === false
}

describe('npm test', () => {
  it('leaves no process behind when a signal ends it while its tests compute', async () => {
    const simulation = 'test/simulation/protocol/protocol.test.ts'
    const command = run('libs/local/bootstrap.mjs', 'test', simulation)
    const workers = await eventually(async () => {
      const pids = await startedBy(command.child.pid!, 'vitest/dist/workers')
      expect(pids).not.toEqual([])
      return pids
    }, 60_000)
    // The worker has loaded the modules of the product and simulates.
    await eventually(async () => {
      const [pid] = workers
      const cpuTicks = (await readFile(`/proc/${pid}/stat`, 'utf8'))
        .split(') ')
        .at(-1)!
        .split(' ')[11]
      expect(Number(cpuTicks)).toBeGreaterThan(500)
    }, 60_000)
    command.child.kill('SIGTERM')
    expect(await command.ended).toBe(143)
    for (const pid of workers)
      await eventually(async () => expect(await isRunning(pid)).toBe(false))
  })
})

describe('npm start', () => {
  it('runs its tasks, exits with code 0 and leaves no process behind when it is called as `agentfleet up --once`', async () => {
    const command = run('libs/cli/dist/main.js', 'up', '--once', '--data', dir)
    expect(await command.ended, command.output()).toBe(0)
    expect(startOf(command.output())).toMatchInlineSnapshot(`
      "AgentFleet: 9 processes, 2 worker nodes, ready in AGE
        page  http://HOST/console
        API  http://HOST/v1  (http://HOST/openapi.json)
        stream  ws://HOST/v1/stream
        fleet  http://HOST/v1/fleet
        Consul  http://HOST
        LLM  simulated (http://HOST); set OPENAI_API_KEY, OPENAI_BASE_URL or PROVIDERS to use a real provider
        logs  DIR/fleet-1/logs
        metrics  /metrics on these ports: PORTS
        state  DIR/fleet-1 (stop the fleet and delete this folder to start empty)
        scaling  the fleet runs WORKERS (SCALE_MIN, SCALE_MAX)

        curl http://HOST/v1/tasks -H 'content-type: application/json' -H 'prefer: wait=30' \\
        -d '{"task":"Say hello","agent":"developer"}'
        npx --no agentfleet help

      The fleet runs 6 tasks:
      6 of 6 tasks completed in
        AGE  completed NODE  analyst: "[simulated] counts more the less less second ends shared sends more ca…
        AGE  completed NODE  developer: "[simulated] reads from check less starts region writes value more move…
        AGE  completed NODE  devops-engineer: "[simulated] after region many some joins open while ends some some ord…
        AGE  completed NODE  project-manager: "[simulated] under tests while clear and the report small careful budge…
        AGE  completed NODE  tester: "[simulated] shows keeps sums region many some starts more needs daily …
        AGE  completed NODE  writer: "[simulated] small plan check each recent careful order result many les…"
    `)
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
    const load = ['demo', '--tasks', '200', '--kill-nodes', '1']
    const demo = await agentfleet(dir, url, ...load, '--json')
    expect(demo.code, demo.err).toBe(EXIT.done)
    expect(JSON.parse(demo.out)).toMatchObject({ accepted: 200, lost: 0, endedTwice: 0 })
    const shown = await agentfleet(dir, url, 'demo', '--tasks', '100', '--kill-nodes', '0')
    expect(shown.code, shown.err).toBe(EXIT.done)
    expect(golden(shown.out)).toMatchInlineSnapshot(`
      "MEASURED  RESULT  HOW
      tasks  100 accepted  the log has RATE accepted tasks a second
      completed  100  the log shows that 0 tasks failed
      lost  0  the log has no end of these accepted tasks
      ended twice  0  the log has two ends of these tasks
      added latency  p50 AGE, p99 AGE  COUNT tasks took this time in addition to the LLM calls
      failover  —  no task of a killed node had to run again
      LLM calls  300  the log has these calls of the tasks, and the simulator counted all of them
      paid twice  0 of 300 calls (0.00 %)  the simulator counted these calls, in tasks with several attempts

      the page of the fleet: http://HOST/console
      "
    `)
    await expectDistrust(access)
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

  it('can run twice at the same time, each fleet in its own directory, and `agentfleet up --json` prints the fleet and its tasks as JSON', async () => {
    const both = ['--once', '--data', dir]
    const commands = [run(START, ...both), run('libs/cli/dist/main.js', 'up', '--json', ...both)]
    for (const command of commands) expect(await command.ended, command.output()).toBe(0)
    const [fleet, ...tasks] = commands[1]!.objects()
    expect(fleet).toMatchObject({ state: 'running', url: expect.stringMatching(/^http:/) })
    expect(JSON.stringify(fleet)).not.toMatch(/password/)
    expect(tasks.map(({ state }) => state)).toEqual(Array.from({ length: 6 }, () => 'completed'))
    const states = commands.map((command) => /state +(\S+)/.exec(command.output())?.[1])
    expect(new Set(states).size).toBe(2)
  })

  it('reports what is wrong with an option', async () => {
    const command = run(START, '--workers', 'many')
    expect(await command.ended).toBe(EXIT.usage)
    expect(command.output()).toContain('--workers must be a whole number')
  })
})
