import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EXIT } from '@agentfleet/cli'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { golden, openCli, useCli } from './cli-run.ts'
import { SOON_MS } from './tenant.ts'

/** The commands of `agentfleet` about the fleet: their JSON, tables and exit codes. */

const user = useCli('cli-fleet')
const { run: agentfleet, succeed } = user

test('the command agents lists, stores, shows and deletes definitions of agents and lists tools', async () => {
  const file = join(user.folder, 'agent.json')
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
  // A node that has just started announces its tools and models a moment later.
  await eventually(async () => {
    expect(golden((await succeed('agents', 'tools')).out)).toMatch(
      /^TOOL  SOURCE  NODES  APPROVAL  DESCRIPTION\n[^]*^refund  \w+  2  needed  /m,
    )
    expect((await succeed('agents', 'models')).out).toMatch(/^MODEL +NODES\n[^]*^sim\* +2$/m)
  }, SOON_MS)
  const tools = await succeed('agents', 'tools', '--json')
  expect(tools.objects).toContainEqual(expect.objectContaining({ name: 'refund', nodes: 2 }))
  const models = await succeed('agents', 'models', '--json')
  expect(models.objects).toContainEqual({ name: 'sim*', nodes: 2 })
  expect((await succeed('agents', 'rm', '--if-version', '1', 'cli-checker')).out).toContain(
    'deleted',
  )
  expect((await agentfleet('agents', 'get', 'cli-checker')).code).toBe(EXIT.notFound)
})

test('the command schedules stores, pauses, lists and deletes a schedule', async () => {
  const file = join(user.folder, 'schedule.json')
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
  expect(listed).toMatch(
    /^TIME  STATE  TASK ID  STARTED BY\nTIME  \w+  [\w-]+  [\w-]+( client)?\n(TIME  planned  —  the schedule\n){10}$/,
  )
  const [planned] = (await succeed('schedules', 'ticks', '--json', 'report')).objects
  expect(planned).toMatchObject({ last: [], manual: [{ taskId: ran.objects[0]?.['id'] }] })
  const zone = ['--zone', 'Europe/Berlin', '0 8 1 1 *']
  const ticks = await succeed('schedules', 'preview', ...zone)
  expect(ticks.out).toMatch(/^(\d{4}-01-01 07:00:00 UTC\n){5}$/)
  const [preview] = (await succeed('schedules', 'preview', '--json', ...zone)).objects
  expect(preview?.['ticks']).toHaveLength(5)
  await succeed('schedules', 'rm', 'report')
  expect((await succeed('schedules')).out).toBe('None.\n')
  expect((await agentfleet('schedules', 'rm', 'report')).code).toBe(EXIT.notFound)
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
    /^DAY \(UTC\)  MODEL  LLM CALLS  TOKENS IN  TOKENS OUT  COST\n[^]*^total  /m,
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
  await succeed(
    'submit',
    '--wait',
    '-m',
    await user.tenant.script('counted', [{ content: 'x' }]),
    'Hi',
  )
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
  await eventually(async () => {
    const byAgent = golden((await succeed('usage', '--by', 'agent')).out)
    expect(byAgent).toMatch(
      /^AGENT  LLM CALLS  TOKENS IN  TOKENS OUT  COST\n[^]*^assistant  \d+  \d[^]*^total, /m,
    )
  }, SOON_MS)
  const [byAgent] = (await succeed('usage', '--by', 'agent', '--from', 'today', '--json')).objects
  expect(byAgent?.['groups']).toContainEqual(expect.objectContaining({ name: 'assistant' }))
  expect((await succeed('usage', '--by', 'hour')).out).toMatch(/^HOUR \(UTC\) +TOKENS +COST\n/)
  expect((await succeed('queues')).out).toMatch(/^(All queues are empty\.|PRIORITY +WAITING )/)
  for (const { tenant: name } of (await succeed('queues', '--json')).objects) {
    expect(name).toBe('cli-fleet')
  }
  expect(golden((await succeed('limits')).out)).toMatch(
    /^LIMIT  YOU HOLD  AT MOST\ntasks that have not ended  \d+  shared\n/,
  )
  expect((await succeed('limits', '--json')).objects).toMatchObject([{ tenant: 'cli-fleet' }])
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
  const [waiting] = (await succeed('approve', '--json')).objects
  expect(waiting).toMatchObject({ id, waitingFor: { kind: 'approval', tool: 'refund' } })
  expect((await succeed('approve', '--note', 'fine', '--person', 'Kim', id)).out).toMatch(
    /^step \d+ of .* approved\n$/,
  )
  expect(await user.tenant.ended(id)).toMatchObject({
    state: 'completed',
    approvals: [{ approved: true, person: 'Kim', atMs: expect.any(Number) }],
  })
  expect((await agentfleet('approve', id)).err).toContain('waits for no approval')
})

test('the command keys me prints the rights of the used key, and only a key with the scope admin can create other keys', async () => {
  const me = await agentfleet('keys', 'me', '--json')
  expect(me).toMatchObject({ code: EXIT.done, objects: [{ tenant: 'cli-fleet' }] })
  expect((await agentfleet('keys', 'me')).out).toMatch(/^tenant +cli-fleet$/m)
  const made = await agentfleet(
    'keys',
    'create',
    '--tenant',
    'cli-fleet',
    '--scope',
    'tasks:read',
    'x',
  )
  expect(made.code).not.toBe(EXIT.done)
  expect(made.err).toMatch(/admin/)
  const nameless = await agentfleet('keys', 'create', '--scope', 'tasks:read', 'x')
  expect(nameless.code).toBe(EXIT.usage)
})

test('the command keys makes, lists, shows, rotates and revokes keys, the command audit shows these changes, and the command line says what to do with a key that no longer works', async () => {
  const admin = openCli(user.tenant.fleet.url, user.tenant.fleet.adminKey, user.folder)
  const scope = ['--tenant', 'cli-keys', '--scope', 'tasks:read']
  const [made] = (await admin.succeed('keys', 'create', '--json', ...scope, 'nightly')).objects
  const [id, key] = [String(made?.['id']), String(made?.['key'])]
  const holder = openCli(user.tenant.fleet.url, key, user.folder)
  await eventually(async () => {
    expect((await holder.succeed('ls', '--json')).objects).toEqual([])
  }, SOON_MS)
  const denied = await holder.run('submit', 'x')
  expect(denied.code).toBe(EXIT.refused)
  expect(denied.err).toContain('"agentfleet keys me" shows what your key may do.')
  const listed = golden((await admin.succeed('keys', '--tenant', 'cli-keys')).out)
  expect(listed).toMatch(
    new RegExp(
      `^KEY  STATE  TENANT  MADE  EXPIRES  SCOPES  FOR\n${id}  active  cli-keys  (now|AGE ago)  never  tasks:read  nightly\n$`,
    ),
  )
  const shown = golden((await admin.succeed('keys', 'get', id)).out)
  expect(shown).toMatch(new RegExp(`^key  ${id}\nfor  nightly\nstate  active\ntenant  cli-keys\n`))
  const [rotated] = (await admin.succeed('keys', 'rotate', '--json', id)).objects
  expect(rotated).toMatchObject({ id, key: expect.not.stringMatching(key) })
  expect((await admin.succeed('keys', 'revoke', '--json', id)).objects).toMatchObject([
    { id, revoked: true },
  ])
  await eventually(async () => {
    const refused = await openCli(user.tenant.fleet.url, String(rotated?.['key']), user.folder).run(
      'ls',
    )
    expect(refused.code).toBe(EXIT.refused)
    expect(refused.err).toContain('Set AGENTFLEET_KEY or --key to a key of this fleet.')
  }, SOON_MS)
  await eventually(async () => {
    const { objects } = await admin.succeed('audit', '--json', '--about', id)
    expect(objects.map(({ operation }) => operation)).toEqual([
      'revokeKey',
      'rotateKey',
      'createKey',
    ])
  }, SOON_MS)
  const audited = (await admin.succeed('audit', '--about', id)).out.replaceAll(id, 'ID')
  expect(golden(audited)).toMatchInlineSnapshot(`
    "AT  WHO  KEY  TENANT  OPERATION  ABOUT  FROM  RESULT
    TIME  env-admin  env-admin  default  revokeKey  ID  127.0.0.1  204
    TIME  env-admin  env-admin  default  rotateKey  ID  127.0.0.1  200
    TIME  env-admin  env-admin  default  createKey  ID  127.0.0.1  201
    "
  `)
  const absent = await admin.run('keys', 'get', 'aaaaaaaaaaaa')
  expect(absent).toMatchObject({ code: EXIT.notFound })
  expect(absent.err).toContain('"agentfleet keys" lists the keys.')
})

test('the command doctor finds no problem in a healthy fleet, and says what to do when no gateway answers', async () => {
  const { objects } = await succeed('doctor', '--json')
  const found = Object.fromEntries(objects.map(({ name, result }) => [name, result]))
  expect(found).toMatchObject({ node: 'ok', gateway: 'ok', version: 'ok', clock: 'ok', key: 'ok' })
  expect((await agentfleet('doctor')).out).toMatch(/^CHECK +RESULT +FOUND\n/)
  const away = await agentfleet('doctor', '--url', 'http://127.0.0.1:9')
  expect(away.code).toBe(EXIT.checkFailed)
  expect(away.out).toContain('gateway: Start a fleet with "npm start", or set AGENTFLEET_URL')
})

test('the command demo refuses to run without a local fleet', async () => {
  const refused = await agentfleet('demo')
  expect(refused.code).toBe(EXIT.failed)
  expect(refused.err).toContain('Start a fleet with "npm start" first.')
})
