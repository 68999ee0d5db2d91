import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EXIT } from '@agentfleet/cli'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { ROOT } from '../contract/manifests.ts'
import { golden, useCli } from './cli-run.ts'
import { SOON_MS } from './tenant.ts'

/** The commands of `agentfleet` about tasks against a fleet: their JSON, tables and exit codes. */

const user = useCli('cli')
const { run: agentfleet, succeed } = user

test('the command submit --wait prints the result, get shows the task, and ls lists the task', async () => {
  const model = await user.tenant.script('hello', [{ content: 'Hello from the script' }])
  const ran = await succeed('submit', '--wait', '--json', '-m', model, '--metadata', 'a=b', 'Hi')
  const id = String(ran.objects[0]?.['id'])
  expect(ran.objects).toMatchObject([{ state: 'completed', metadata: { a: 'b' } }])
  expect((await succeed('get', '--result', id)).out).toBe('Hello from the script\n')
  const shown = await succeed('get', id)
  expect(golden(shown.out)).toContain('id  ID\nstate  completed\nagent  assistant\n')
  expect((await succeed('get', '--json', id)).objects).toMatchObject([{ id, state: 'completed' }])
  const events = await succeed('get', '--events', '--json', id)
  expect(events.objects.at(-1)).toMatchObject({ type: 'completed' })
  expect((await succeed('get', '--events', id)).out).toMatch(/AFTER +EVENT +ATTEMPT +DETAIL\n/)
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
  expect(table).toContain('ID  STATE  AGE  AGENT  MODEL  NODE  ATTEMPT  TASK\n')
  expect(table).toMatch(/^ID  completed  AGE  assistant  sim-script:cli-hello  \S+  1  Hi$/m)
})

test('no text of a task can control the terminal, and JSON keeps the text unchanged', async () => {
  const hostile = 'a\u001b[2Jb\u009b31mc\u202ed\u0007'
  const model = await user.tenant.script('hostile', [{ content: hostile }])
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
  const model = await user.tenant.script('watched', [{ content: 'watched text' }])
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
  await user.tenant.ended(String(replayed.objects[0]?.['id']))
  await eventually(async () => {
    const all = await succeed('replay', '--all', '--json', '--since', '1h')
    expect(all.objects.length).toBeGreaterThan(0)
  }, SOON_MS)
})

test('the command submit --file submits a task for every line, and cancel cancels a task', async () => {
  const file = join(user.folder, 'tasks.jsonl')
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
  await writeFile(file, '\n{"task":"one"}\n{"task":"two","agentt":"x"}\n')
  const again = ['submit', '--delay', '1h', '--idempotency-key', randomUUID(), '--file', file]
  const partly = await agentfleet(...again)
  expect(partly.code).toBe(EXIT.failed)
  expect(partly.err).toMatch(/^line 3 refused \(400\): .*agentt.*\n1 of 2 tasks submitted\n$/)
  // The same key leads to the same tasks.
  expect((await agentfleet(...again)).out).toBe(partly.out)
  await succeed('cancel', partly.out.trim())
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
  expect(await user.tenant.ended(ids[0] ?? '')).toMatchObject({ state: 'cancelled' })
  await eventually(async () => {
    const again = ['replay', '--all', '--dry-run', '-s', 'cancelled', '--metadata', 'batch=filters']
    expect((await succeed(...again)).err).toBe('2 tasks would be replayed\n')
  }, SOON_MS)
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
  expect(asText.err).toContain(`${field.pointer} ${field.detail}`)
  expect((await agentfleet('watch', unknown)).code).toBe(EXIT.notFound)
  expect((await agentfleet('get', unknown)).err).toContain('"agentfleet ls" lists your tasks.')
  expect((await agentfleet('fleet', 'node', 'x')).err).toContain(
    '"agentfleet fleet" lists the nodes.',
  )
  const nothing = await succeed('cancel', '--all', '--dry-run', '-a', 'researchr')
  expect(nothing.err).toContain('No task matches the filters. "agentfleet ls --count agent"')
  const refused = await agentfleet('ls', '--key', 'a-wrong-key-0123456789')
  expect(refused.code).toBe(EXIT.refused)
  expect(refused.err).toContain('Set AGENTFLEET_KEY or --key')
  const away = await agentfleet('ls', '--url', 'http://127.0.0.1:9')
  expect(away.code).toBe(EXIT.unreachable)
  expect(away.err).toContain('No gateway answers at http://127.0.0.1:9.')
  expect((await agentfleet('lss')).code).toBe(EXIT.usage)
})

test('the installed command line runs with npx, reads the environment and ends with the exit code of its command, also if its reader or a person stops it', async () => {
  const program = join(ROOT, 'node_modules/.bin/agentfleet')
  const env = {
    ...process.env,
    AGENTFLEET_URL: user.tenant.fleet.url,
    AGENTFLEET_KEY: user.tenant.fleet.keys['cli'],
  }
  const run = promisify(execFile)
  const { stdout } = await run(program, ['fleet', '--json'], { env })
  expect(JSON.parse(stdout)).toMatchObject({ status: 'ok' })
  await expect(run(program, ['get', 'x'], { env })).rejects.toMatchObject({ code: EXIT.notFound })
  // The reader of the output ends first: quietly, also where a pipe fails with its first part.
  const pipe = `set -o pipefail; '${program}' fleet --watch --json | head -n 1`
  const read = await run('bash', ['-c', pipe], { env })
  expect(JSON.parse(read.stdout)).toMatchObject({ status: 'ok' })
  expect(read.stderr).toBe('')
  const watching = spawn(program, ['fleet', '--watch', '--json'], { env })
  await once(watching.stdout, 'data')
  watching.kill('SIGINT')
  expect(await once(watching, 'exit')).toEqual([EXIT.interrupted, null])
  const reading = spawn(program, ['submit', '-'], { env })
  // More than a pipe holds: as soon as all is written, the command reads.
  await new Promise((resolve) => reading.stdin.write('x'.repeat(1_000_000), resolve))
  reading.kill('SIGINT')
  expect(await once(reading, 'exit')).toEqual([EXIT.interrupted, null])
  const { stdout: script } = await run(program, ['completion', 'bash'], { env })
  await run('bash', ['-euc', script])
})
