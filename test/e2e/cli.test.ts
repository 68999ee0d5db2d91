import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EXIT, runCli } from '@agentfleet/cli'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../contract/manifests.ts'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** Every command of `agentfleet` against a fleet: its JSON, its table, its exit code. */

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The JSON objects of the output. */
  readonly objects: readonly Readonly<Record<string, unknown>>[]
}

let tenant: Tenant
let folder: string
beforeAll(async () => {
  tenant = await joinSharedFleet('cli')
  folder = await mkdtemp(join(tmpdir(), 'agentfleet-cli-'))
})
afterAll(async () => {
  await tenant[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function agentfleet(...argv: readonly string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await runCli(argv, {
    env: { AGENTFLEET_URL: tenant.fleet.url, AGENTFLEET_KEY: tenant.fleet.keys['cli'] },
    version: '0.1.0',
    stateDir: folder,
    terminal: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      columns: undefined,
      noteColumns: undefined,
      signal: AbortSignal.timeout(SOON_MS),
    },
  })
  const json = argv.includes('--json')
  const objects = json
    ? out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []
  return { code, out, err, objects }
}

/** A command that must succeed. */
async function succeed(...argv: readonly string[]): Promise<Ran> {
  const ran = await agentfleet(...argv)
  expect({ argv, code: ran.code, err: ran.err }).toMatchObject({ code: EXIT.done })
  return ran
}

/** The text without the parts that differ from run to run. */
function golden(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'TIME')
    .replaceAll(/\d+ ms|\d+\.\d s|\d+ m \d\d s/g, 'AGE')
    .replaceAll(/worker-\d+/g, 'NODE')
    .replaceAll(/ {2,}/g, '  ')
}

test('the command submit --wait prints the result, get shows the task, and ls lists the task', async () => {
  const model = await tenant.script('hello', [{ content: 'Hello from the script' }])
  const ran = await succeed('submit', '--wait', '--json', '-m', model, '--metadata', 'a=b', 'Hi')
  const id = String(ran.objects[0]?.['id'])
  expect(ran.objects).toMatchObject([{ state: 'completed', metadata: { a: 'b' } }])
  expect((await succeed('get', '--result', id)).out).toBe('Hello from the script\n')
  const shown = await succeed('get', id)
  expect(golden(shown.out)).toContain('id  ID\nstate  completed\nagent  assistant\n')
  expect((await succeed('get', '--json', id)).objects).toMatchObject([{ id, state: 'completed' }])
  const events = await succeed('get', '--events', '--json', id)
  expect(events.objects.at(-1)).toMatchObject({ type: 'completed' })
  expect((await succeed('get', '--events', id)).out).toMatch(/AFTER +EVENT +TRY +DETAIL\n/)
  const [call] = (await succeed('get', '--call', '0', '--json', id)).objects
  expect(call).toMatchObject({ kind: 'llm', output: { text: 'Hello from the script' } })
  expect(golden((await succeed('get', '--call', '0', id)).out)).toMatch(
    /^task  ID\nstep  0\nmodel  [^]*message: user\nHi\n\nanswer\nHello from the script\n$/,
  )
  expect((await agentfleet('get', '--call', '1', id)).code).toBe(EXIT.notFound)
  await eventually(async () => {
    const listed = await succeed('ls', '--json', '--state', 'completed')
    expect(listed.objects.map((task) => task['id'])).toContain(id)
  }, SOON_MS)
  const table = golden((await succeed('ls')).out)
  expect(table).toContain('ID  STATE  AGE  AGENT  MODEL  NODE  TRIES  TASK\n')
  expect(table).toMatch(/^ID  completed  AGE  assistant  sim-script:cli-hello  \S+  1  Hi$/m)
})

test('no text of a task can control the terminal, and JSON keeps the text unchanged', async () => {
  const hostile = 'a\u001b[2Jb\u009b31mc\u202ed\u0007'
  const model = await tenant.script('hostile', [{ content: hostile }])
  const argv = ['-m', model, '--metadata', `m=${hostile}`, hostile]
  const submitted = await succeed('submit', '--wait', ...argv)
  expect(submitted.out).toBe('a·[2Jb·31mc·d·\n')
  const [, id = ''] = /task (\S+)/.exec(submitted.err) ?? []
  const json = await succeed('get', '--json', id)
  expect(json.objects).toMatchObject([{ task: hostile, result: hostile, metadata: { m: hostile } }])
  const texts = [json.out, json.err]
  for (const words of [['get', id], ['get', '-e', id], ['get', '-r', id], ['watch', id], ['ls']]) {
    texts.push((await succeed(...words)).out)
  }
  texts.push((await agentfleet('get', hostile)).err)
  expect(texts.join('').match(/(?!\n)[\p{Cc}\p{Cf}]/gu)).toBeNull()
})

test('the command watch prints the events of a task and ends when the task ends', async () => {
  const model = await tenant.script('watched', [{ content: 'watched text' }])
  const { out } = await succeed('submit', '-m', model, 'Watch me')
  const id = out.trim()
  const watched = await succeed('watch', id)
  expect(watched.out).toMatch(
    / {2}completed +on worker-\d+, 1 calls, .*: ?.*watched text|watched text/,
  )
  const frames = await succeed('watch', '--json', id)
  expect(frames.objects).toMatchObject([{ type: 'event', taskId: id }, ...frames.objects.slice(1)])
  const followed = await succeed('submit', '--follow', '-m', model, 'Follow me')
  expect(followed.out).toBe('watched text\n')
})

test('the commands watch and submit --wait end with exit code 6 when the task fails', async () => {
  const argv = ['submit', '--wait', '--attempts', '1', '-m', 'sim?fault=400', 'Fail']
  const failed = await agentfleet(...argv)
  expect(failed.code).toBe(EXIT.taskFailed)
  expect(failed.err).toMatch(/The task is failed \(.+\): /)
  const [, id = ''] = /task (\S+)/.exec(failed.err) ?? []
  expect((await agentfleet('watch', id)).code).toBe(EXIT.taskFailed)
  const replayed = await succeed('replay', '--json', id)
  expect(replayed.objects).toMatchObject([{ replayOf: id }])
  await tenant.ended(String(replayed.objects[0]?.['id']))
  await eventually(async () => {
    const all = await succeed('replay', '--all', '--json', '--since', '1h')
    expect(all.objects.length).toBeGreaterThan(0)
  }, SOON_MS)
})

test('the command submit --file submits a task for every line, and cancel cancels a task', async () => {
  const file = join(folder, 'tasks.jsonl')
  await writeFile(file, '{"task":"one"}\n{"task":"two","agent":"developer"}\n')
  const submitted = await succeed('submit', '--delay', '1h', '--file', file)
  const ids = submitted.out.trim().split('\n')
  expect(ids).toHaveLength(2)
  expect(submitted.err).toBe('2 of 2 tasks submitted\n')
  const cancelled = await succeed('cancel', ...ids)
  expect(golden(cancelled.out)).toBe('ID cancelled\nID cancelled\n')
  await writeFile(file, '{"task":"one"}\n{"task":\n')
  const wrong = await agentfleet('submit', '--file', file)
  expect(wrong).toMatchObject({ code: EXIT.usage, out: '' })
  expect(wrong.err).toContain(`line 2 of ${file} is not JSON`)
})

test('the filters of the commands ls, cancel --all and replay --all choose tasks, and ls also counts by these filters', async () => {
  const argv = ['submit', '--delay', '1h', '--metadata', 'batch=filters', '-a', 'developer']
  const ids = [await succeed(...argv, 'one'), await succeed(...argv, 'two')].map(({ out }) =>
    out.trim(),
  )
  await eventually(async () => {
    const listed = await succeed('ls', '--json', '--metadata', 'batch=filters', '--since', '1h')
    expect(new Set(listed.objects.map((task) => task['id']))).toEqual(new Set(ids))
  }, SOON_MS)
  const counts = await succeed('ls', '--count', 'state', '--metadata', 'batch=filters')
  expect(golden(counts.out)).toMatch(/^STATE  TASKS\nwaiting  2\n/)
  const tried = await succeed('cancel', '--all', '--dry-run', '--metadata', 'batch=filters')
  expect(tried.err).toBe('2 tasks would be cancelled\n')
  const cancelled = await succeed('cancel', '--all', '--json', '--metadata', 'batch=filters')
  expect(new Set(cancelled.objects.map((task) => task['taskId']))).toEqual(new Set(ids))
  expect(await tenant.ended(ids[0] ?? '')).toMatchObject({ state: 'cancelled' })
  await eventually(async () => {
    const again = ['replay', '--all', '--dry-run', '-s', 'cancelled', '--metadata', 'batch=filters']
    expect((await succeed(...again)).err).toBe('2 tasks would be replayed\n')
  }, SOON_MS)
})

test('the command agents lists, stores, shows and deletes definitions of agents and lists tools', async () => {
  const file = join(folder, 'agent.json')
  await writeFile(file, JSON.stringify({ role: 'reviewer', systemPrompt: 'Review.' }))
  expect((await succeed('agents', 'put', 'cli-checker', file)).out).toBe('cli-checker version 1\n')
  const listed = golden((await succeed('agents')).out)
  expect(listed).toMatch(/^AGENT  VERSION  MODEL  ROLE  FOR\n/)
  expect(listed).toMatch(/^cli-checker  1  —  reviewer$/m)
  const [agent] = (await succeed('agents', 'get', '--json', 'cli-checker')).objects
  expect(agent).toMatchObject({ name: 'cli-checker', version: 1 })
  expect((await succeed('agents', 'versions', '--json', 'cli-checker')).objects).toEqual([agent])
  expect(golden((await succeed('agents', 'versions', 'cli-checker')).out)).toBe(
    'VERSION  CHANGED  MODEL  ROLE  FOR\n1  TIME  —  reviewer\n',
  )
  expect(golden((await succeed('agents', 'tools')).out)).toMatch(
    /^TOOL  SOURCE  NODES  APPROVAL  DESCRIPTION\n[^]*^refund  \w+  2  needed  /m,
  )
  const tools = await succeed('agents', 'tools', '--json')
  expect(tools.objects).toContainEqual(expect.objectContaining({ name: 'refund', nodes: 2 }))
  expect((await succeed('agents', 'models')).out).toMatch(/^MODEL +NODES\n[^]*^sim\* +2$/m)
  const models = await succeed('agents', 'models', '--json')
  expect(models.objects).toContainEqual({ name: 'sim*', nodes: 2 })
  expect((await succeed('agents', 'rm', '--if-version', '1', 'cli-checker')).out).toContain(
    'deleted',
  )
  expect((await agentfleet('agents', 'get', 'cli-checker')).code).toBe(EXIT.notFound)
})

test('the command schedules stores, pauses, lists and deletes a schedule', async () => {
  const file = join(folder, 'schedule.json')
  await writeFile(file, JSON.stringify({ cron: '0 6 * * 1', task: { task: 'Report' } }))
  await succeed('schedules', 'put', 'report', file)
  const [paused] = (await succeed('schedules', 'pause', 'report', '--json')).objects
  expect(paused).toMatchObject({ name: 'report', paused: true })
  expect(golden((await succeed('schedules')).out)).toBe(
    'SCHEDULE  CRON  ZONE  NEXT  LAST  LAST TASK  TASK\n' +
      'report  0 6 * * 1  UTC  paused  —  —  Report\n',
  )
  const ran = await succeed('schedules', 'run', '--json', 'report')
  expect(ran.objects).toMatchObject([{ task: 'Report' }])
  expect(golden((await succeed('schedules', 'get', 'report')).out)).toMatch(
    /^schedule  report\ncron  0 6 \* \* 1 \(UTC\)\nnext  paused\n/,
  )
  const put = await agentfleet('schedules', 'put', '--if-version', '0', 'report', file)
  expect(put).toMatchObject({ code: EXIT.failed, out: '' })
  expect(put.err).toContain('The schedule exists in version ')
  await succeed('schedules', 'resume', 'report')
  const listed = golden((await succeed('schedules', 'ticks', 'report')).out)
  expect(listed).toMatch(/^TICK  STATE  TASK ID\n(TIME  planned  —\n){10}$/)
  const [planned] = (await succeed('schedules', 'ticks', '--json', 'report')).objects
  expect(planned).toMatchObject({ last: [] })
  const zone = ['--zone', 'Europe/Berlin', '0 8 1 1 *']
  const ticks = await succeed('schedules', 'preview', ...zone)
  expect(ticks.out).toMatch(/^(\d{4}-01-01 07:00:00 UTC\n){5}$/)
  const [preview] = (await succeed('schedules', 'preview', '--json', ...zone)).objects
  expect(preview?.['ticks']).toHaveLength(5)
  await succeed('schedules', 'rm', 'report')
  expect(golden((await succeed('schedules')).out)).toBe(
    'SCHEDULE  CRON  ZONE  NEXT  LAST  LAST TASK  TASK\n',
  )
  const wrong = await agentfleet('schedules', 'preview', '61 * * * *')
  expect(wrong).toMatchObject({ code: EXIT.failed, out: '' })
  expect(wrong.err).toContain('cron')
})

test('the command goals submits a goal and shows the goal', async () => {
  const submitted = await succeed('goals', 'submit', '--json', '--hold', 'Launch a small shop')
  const id = String(submitted.objects[0]?.['id'])
  const shown = golden((await succeed('goals', 'get', id)).out)
  expect(shown).toContain('id  ID\n')
  expect(shown).toContain('goal  Launch a small shop\n')
  await eventually(async () => {
    const listed = golden((await succeed('goals', '-q', 'shop')).out)
    expect(listed).toMatch(/^ID  STATE  AGE  COST  GOAL\nID  \w+  AGE  \S+  Launch a small shop\n/)
  }, SOON_MS)
  expect((await succeed('goals', '--json')).objects).toMatchObject([{ id, kind: 'goal' }])
  await succeed('cancel', id)
})

test('the commands fleet, usage, decisions, incidents and approve print both a readable view and JSON', async () => {
  const page = golden((await succeed('fleet')).out)
  expect(page).toMatch(/^status  ok: /)
  expect(page).toContain('NODE  STATE  RUNNING  CPU  MEMORY  LAG  ATTEMPT  DONE  FAILED  UP\n')
  expect((await succeed('fleet', '--json')).objects).toMatchObject([{ status: 'ok' }])
  expect((await agentfleet('fleet', 'drain', 'no-such-node')).code).not.toBe(EXIT.done)
  expect(golden((await succeed('usage')).out)).toMatch(
    /^DAY \(UTC\)  MODEL  CALLS  INPUT  OUTPUT  COST\n[^]*^total  /m,
  )
  expect((await succeed('usage', '--json')).objects).toMatchObject([{ scope: 'tenant' }])
  for (const command of ['decisions', 'incidents']) {
    const { objects } = await succeed(command, '--json', '-n', '1')
    const [first] = objects
    const { out } = await succeed(command, '-n', '1')
    expect(out).toMatch(first === undefined ? /^None\.\n$/ : /^ID +AGE /)
    if (first === undefined) continue
    expect((await succeed(command, String(first['id']))).out).toContain(String(first['id']))
  }
  const [{ nodes = [] } = {}] = (await succeed('fleet', '--json')).objects
  const [node = ''] = (nodes as { id: string }[]).map(({ id }) => id)
  expect(golden((await succeed('fleet', 'node', node)).out)).toMatch(/^node  NODE\nstate  alive\n/)
  expect((await succeed('fleet', 'node', '--json', node)).objects).toMatchObject([
    { node: { id: node } },
  ])
  expect((await succeed('approve')).out).toBe('No call waits for approval.\n')
  expect((await succeed('approve', '--json')).objects).toEqual([])
})

test('the commands stats, queues and limits print both a readable view and JSON', async () => {
  await eventually(async () => {
    const { out } = await succeed('stats', '--group', 'agent')
    expect(golden(out)).toMatch(
      /^AGENT  SUBMITTED  STARTED  COMPLETED  FAILED  CANCELLED  RETRIED  LOST  SUCCESS  TOKENS  COST\n[^]*^assistant  /m,
    )
  }, SOON_MS)
  expect(golden((await succeed('stats', '--step', '1h')).out)).toMatch(
    /^STEP  SUBMITTED  [A-Z ]+  WAIT P50  P99  FIRST TOKEN P50  P99  TOKENS  COST\nTIME  \d/,
  )
  expect((await succeed('stats', '--json')).objects).toMatchObject([{ scope: 'tenant' }])
  expect((await succeed('queues')).out).toMatch(/^(All queues are empty\.|PRIORITY +WAITING )/)
  for (const { tenant: name } of (await succeed('queues', '--json')).objects) {
    expect(name).toBe('cli')
  }
  expect(golden((await succeed('limits')).out)).toMatch(
    /^LIMIT  YOU HOLD  AT MOST\ntasks that have not ended  \d+  shared\n/,
  )
  expect((await succeed('limits', '--json')).objects).toMatchObject([{ tenant: 'cli' }])
  for (const command of ['stats', 'queues', 'usage']) {
    const refused = await agentfleet(command, '--scope', 'fleet')
    expect(refused).toMatchObject({ code: EXIT.refused, out: '' })
    expect(refused.err).toContain('Omit scope to read your own ')
  }
})

test('the command approve lists a tool call that waits for approval, and approves the call', async () => {
  const { out } = await succeed('submit', '-m', 'refund', '--tool', 'refund', 'Refund order A7')
  const id = out.trim()
  await eventually(async () => {
    expect(golden((await succeed('approve')).out)).toMatch(
      /^ID  STEP  SINCE  AGENT  TOOL  ARGUMENTS\nID  \d+  AGE  assistant  refund  \{"order":"A7"/,
    )
  }, SOON_MS)
  expect((await succeed('approve', '--note', 'fine', '--person', 'Kim', id)).out).toMatch(
    /^step \d+ of .* approved\n$/,
  )
  expect(await tenant.ended(id)).toMatchObject({
    state: 'completed',
    approvals: [{ approved: true, person: 'Kim', atMs: expect.any(Number) }],
  })
  expect((await agentfleet('approve', id)).err).toContain('waits for no approval')
})

test('the command keys me prints the rights of the used key, and only a key with the scope admin can create other keys', async () => {
  const me = await agentfleet('keys', 'me', '--json')
  expect(me).toMatchObject({ code: EXIT.done, objects: [{ tenant: 'cli' }] })
  expect((await agentfleet('keys', 'me')).out).toMatch(/^tenant +cli$/m)
  const made = await agentfleet('keys', 'create', '--tenant', 'cli', '--scope', 'tasks:read', 'x')
  expect(made.code).not.toBe(EXIT.done)
  expect(made.err).toMatch(/admin/)
  const nameless = await agentfleet('keys', 'create', '--scope', 'tasks:read', 'x')
  expect(nameless.code).toBe(EXIT.usage)
})

test('the command doctor finds no problem in a healthy fleet, and says what to do when no gateway answers', async () => {
  const { objects } = await succeed('doctor', '--json')
  const found = Object.fromEntries(objects.map(({ name, result }) => [name, result]))
  expect(found).toMatchObject({ node: 'ok', gateway: 'ok', version: 'ok', clock: 'ok', key: 'ok' })
  expect((await agentfleet('doctor')).out).toMatch(/^CHECK +RESULT +FOUND\n/)
  const away = await agentfleet('doctor', '--url', 'http://127.0.0.1:9')
  expect(away.code).toBe(EXIT.checkFailed)
  expect(away.out).toContain('gateway: Start a fleet with "agentfleet up", or set AGENTFLEET_URL.')
})

test('the command demo refuses to run without a local fleet', async () => {
  const refused = await agentfleet('demo')
  expect(refused.code).toBe(EXIT.failed)
  expect(refused.err).toContain('Start a fleet with "npm start" first.')
})

test('the errors of the command line have exit codes and say what to do, both as text and as JSON', async () => {
  const unknown = '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90'
  const missing = await agentfleet('get', '--json', unknown)
  expect(missing).toMatchObject({ code: EXIT.notFound, out: '' })
  expect(JSON.parse(missing.err)).toMatchObject({
    error: { exitCode: EXIT.notFound, problem: { status: 404, code: 'task-not-found' } },
  })
  const wrong = await agentfleet('submit', '--json', '--metadata', `${'k'.repeat(70)}=v`, 'x')
  expect(wrong.code).toBe(EXIT.failed)
  const [field] = JSON.parse(wrong.err).error.problem.errors
  expect(field).toEqual({ pointer: expect.any(String), detail: expect.any(String) })
  const asText = await agentfleet('submit', '--metadata', `${'k'.repeat(70)}=v`, 'x')
  expect(asText.err).toContain(`\n  ${field.pointer}: ${field.detail}`)
  expect((await agentfleet('watch', unknown)).code).toBe(EXIT.notFound)
  const refused = await agentfleet('ls', '--key', 'a-wrong-key-0123456789')
  expect(refused.code).toBe(EXIT.refused)
  expect(refused.err).toContain('Set AGENTFLEET_KEY or --key')
  const away = await agentfleet('ls', '--url', 'http://127.0.0.1:9')
  expect(away.code).toBe(EXIT.unreachable)
  expect(away.err).toContain('No gateway answers at http://127.0.0.1:9.')
  expect((await agentfleet('lss')).code).toBe(EXIT.usage)
})

test('the installed command line runs with npx, reads the environment and ends with the exit code of its command', async () => {
  const program = join(ROOT, 'node_modules/.bin/agentfleet')
  const env = {
    ...process.env,
    AGENTFLEET_URL: tenant.fleet.url,
    AGENTFLEET_KEY: tenant.fleet.keys['cli'],
  }
  const run = promisify(execFile)
  const { stdout } = await run(program, ['fleet', '--json'], { env })
  expect(JSON.parse(stdout)).toMatchObject({ status: 'ok' })
  await expect(run(program, ['get', 'x'], { env })).rejects.toMatchObject({ code: EXIT.notFound })
  const { stdout: script } = await run(program, ['completion', 'bash'], { env })
  await run('bash', ['-euc', script])
})
