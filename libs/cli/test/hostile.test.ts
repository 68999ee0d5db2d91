import type { RequestListener } from 'node:http'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.ts'
import { EXIT } from '../src/exit.ts'
import { ASKING, run, serve } from './command-runs.ts'

/** The command line against servers that are not a gateway, and against people who mistype. */

const NOWHERE = 'http://127.0.0.1:9'
const says =
  (status: number, body: string): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
const problem = (status: number, code: string): string =>
  JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail: 'Why.', code })

/** A state folder with the files of these fleets. */
async function folderWith(fleets: Readonly<Record<string, object>>) {
  const path = await mkdtemp(join(tmpdir(), 'agentfleet-cli-'))
  for (const [name, fleet] of Object.entries(fleets)) {
    await mkdir(join(path, name))
    await writeFile(join(path, name, 'fleet.json'), JSON.stringify(fleet))
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The error of a command with `--json`: the last line of the standard error. */
function errorIn(err: string): { readonly exitCode: number; readonly message: string } {
  return JSON.parse(err.trimEnd().split('\n').at(-1) ?? '').error
}

test('the table of these tests has every command that asks the gateway', () => {
  const local = ['up', 'demo', 'doctor', 'completion']
  const asking = COMMANDS.map(({ name }) => name).filter((name) => !local.includes(name))
  expect([...new Set(ASKING.map((line) => line.split(' ')[0]))].toSorted()).toEqual(
    asking.toSorted(),
  )
})

describe('each command', () => {
  test.for<[what: string, listener: RequestListener, code: number]>([
    ['a web page', says(200, '<html>\u001b[2J</html>'), EXIT.unreachable],
    ['a web page with the status 502', says(502, '<html>'), EXIT.unreachable],
    [
      'lost, because the connection closes',
      (request) => void request.socket.destroy(),
      EXIT.unreachable,
    ],
    [
      'lost, because the connection closes in its middle',
      (request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"tasks":[')
        setImmediate(() => request.socket.destroy())
      },
      EXIT.unreachable,
    ],
    ['a refused key', says(401, problem(401, 'unauthorized')), EXIT.refused],
    ['a missing right', says(403, problem(403, 'forbidden')), EXIT.refused],
    ['something unknown', says(404, problem(404, 'task-not-found')), EXIT.notFound],
    [
      'a request that the gateway does not have',
      says(404, problem(404, 'path-not-found')),
      EXIT.failed,
    ],
    ['a wrong request', says(400, problem(400, 'invalid-request')), EXIT.failed],
  ])(
    'ends with the documented exit code and one JSON error if the answer is %s',
    async ([what, listener, code]) => {
      await using server = await serve(listener)
      // A lost answer to a request with a key is asked for again: the gateway may have stored the task.
      const isAsked = (line: string): boolean =>
        !what.startsWith('lost') || !/^(submit|replay t|goals submit)/.test(line)
      for (const line of ASKING.filter(isAsked)) {
        const ran = await run(server.url, [...line.split(' '), '--json'])
        expect({ line, ...ran }).toMatchObject({ line, code, out: '' })
        const { exitCode, message } = errorIn(ran.err)
        expect(exitCode).toBe(code)
        expect(message).not.toMatch(/\n +at /)
      }
    },
  )

  test.for(['{}', 'null', '"text"', '{"tasks":{},"nodes":7}'])(
    'ends by itself and prints no stack if the answer is the JSON %s',
    async (body) => {
      await using server = await serve(says(200, body))
      for (const line of ASKING.filter((one) => !/--watch|^watch|--follow/.test(one))) {
        const { code, err } = await run(server.url, line.split(' '))
        expect([line, [EXIT.done, EXIT.unreachable, EXIT.failed, EXIT.taskFailed]]).toEqual([
          line,
          expect.arrayContaining([code]),
        ])
        expect(err).not.toMatch(/\n +at /)
      }
    },
  )

  test('ends with exit code 3 if no program listens at the address', async () => {
    for (const line of ASKING) {
      const { code, err } = await run(NOWHERE, line.split(' '))
      expect([line, code]).toEqual([line, EXIT.unreachable])
      expect(err).toContain('No gateway answers at http://127.0.0.1:9. Start a fleet')
    }
  })

  test('ends with exit code 130 and without an error if a person stops it while the gateway does not answer', async () => {
    let asked = (): void => undefined
    await using server = await serve(() => asked())
    for (const line of [...ASKING, 'doctor']) {
      const stop = new AbortController()
      asked = () => stop.abort()
      const { code, err } = await run(server.url, line.split(' '), { signal: stop.signal })
      expect([line, code, err]).toEqual([line, EXIT.interrupted, ''])
    }
  })
})

test('a long list is printed as JSON page by page, and each task has its own line', async () => {
  const pages = [['a', 'b'], ['c'], ['d']]
  const printed: string[] = []
  const seen: number[] = []
  await using server = await serve(({ url = '' }, response) => {
    seen.push(printed.length)
    const page = Number(new URL(url, NOWHERE).searchParams.get('cursor') ?? 0)
    const tasks = pages[page]?.map((id) => ({ id }))
    const next = page + 1 < pages.length ? { nextCursor: String(page + 1) } : {}
    response.end(JSON.stringify({ tasks, ...next }))
  })
  const out = (text: string) => void printed.push(text)
  expect((await run(server.url, ['ls', '--json', '--all'], { out })).code).toBe(EXIT.done)
  expect(printed).toEqual(['a', 'b', 'c', 'd'].map((id) => `{"id":"${id}"}\n`))
  expect(seen).toEqual([0, 2, 3])
})

test('a command that names several tasks also acts on the tasks behind one that is refused, and ends with the exit code of the refusal', async () => {
  const answer = (id: string | undefined): readonly [status: number, body: string] =>
    id === 'b'
      ? [409, problem(409, 'already-finished')]
      : [200, `{"id":"${id}","state":"cancelled"}`]
  await using server = await serve(({ url = '' }, response) => {
    const [status, body] = answer(url.split('/')[3])
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  for (const line of ['cancel a b c', 'replay a b c']) {
    const { code, out, err } = await run(server.url, line.split(' '))
    expect(out).toMatch(/^a.*\nc.*\n$/)
    expect(err).toBe('b: Refused: Why.\n1 of 3 tasks were refused; the lines above say why.\n')
    expect(code).toBe(EXIT.failed)
  }
})

test('the command cancel sends the reason that a person gives with the id of a task', async () => {
  const bodies: string[] = []
  await using server = await serve((request, response) => {
    request.on('data', (chunk) => bodies.push(String(chunk)))
    request.on('end', () => response.end('{"id":"a","state":"cancelled"}'))
  })
  await run(server.url, ['cancel', '--reason', 'wrong', 'a'])
  expect(bodies).toEqual(['{"taskIds":["a"],"reason":"wrong"}'])
})

test('the command doctor says that a server is not a gateway, and asks a gateway below a path', async () => {
  const asked: string[] = []
  await using server = await serve(({ url = '' }, response) => {
    asked.push(url)
    response.end('<html>')
  })
  const { code, out } = await run(`${server.url}/fleet/`, ['doctor', '--json'])
  expect(code).toBe(EXIT.checkFailed)
  expect(asked).toEqual(['/fleet/readyz'])
  const checks = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(checks.at(-1)).toMatchObject({
    name: 'gateway',
    result: 'problem',
    detail: expect.stringMatching(/does not answer as a gateway/),
    fix: expect.stringMatching(/set AGENTFLEET_URL/),
  })
})

test.for<[what: string, listener: RequestListener, text: RegExp]>([
  [
    'JSON of another program',
    says(404, '{"error":"no"}'),
    /does not answer as a gateway \(HTTP 404\)/,
  ],
  [
    'a redirect',
    (_request, response) => response.writeHead(302, { location: 'https://login.example' }).end(),
    /does not answer as a gateway \(HTTP 302, which leads to https:\/\/login\.example\)/,
  ],
])(
  'the command doctor says once that a server is not a gateway if its answer is %s',
  async ([, listener, text]) => {
    await using server = await serve(listener)
    const { code, out } = await run(server.url, ['doctor', '--json'])
    const problems = out.split('\n').filter((line) => line.includes('"problem"'))
    expect(problems).toEqual([expect.stringMatching(text)])
    expect(code).toBe(EXIT.checkFailed)
  },
)

test('the address of a gateway may end as the addresses of its API and of its page do', async () => {
  const asked: (string | undefined)[] = []
  await using server = await serve(({ url }, response) => {
    asked.push(url)
    response.end('{"tasks":[]}')
  })
  for (const end of ['', '/', '/v1', '/v1/', '/console']) await run(`${server.url}${end}`, ['ls'])
  expect(new Set(asked)).toEqual(new Set(['/v1/tasks?limit=50']))
})

test('a name that does not exist cannot be deleted, and a key that may only delete deletes', async () => {
  const asked: string[] = []
  let status = 404
  await using server = await serve(({ method = '', url = '' }, response) => {
    asked.push(`${method} ${url}`)
    if (method === 'DELETE') response.writeHead(204).end()
    else response.writeHead(status).end(problem(status, 'agent-not-found'))
  })
  for (const line of ['agents rm a', 'schedules rm a']) {
    expect((await run(server.url, line.split(' '))).code).toBe(EXIT.notFound)
  }
  expect(asked).toEqual(['GET /v1/agents/a', 'GET /v1/schedules/a'])
  status = 403
  expect((await run(server.url, ['agents', 'rm', 'a'])).code).toBe(EXIT.done)
  expect(asked.at(-1)).toBe('DELETE /v1/agents/a')
})

test('several local fleets are named, and a file that is not of a fleet is ignored', async () => {
  await using first = await serve(says(200, '{"tasks":[]}'))
  await using stateDir = await folderWith({
    'fleet-1': {
      state: 'running',
      pid: process.pid,
      url: first.url,
      processes: [],
      simulators: [],
    },
    'fleet-2': { state: 'running', pid: process.pid },
    'fleet-3': { state: 'running', pid: process.pid, url: NOWHERE, processes: [], simulators: [] },
  })
  const ran = await run('', ['ls'], {}, {}, stateDir.path)
  expect(ran.code).toBe(EXIT.done)
  expect(ran.err).toBe(
    `This command uses the fleet at ${first.url}. Other fleets of this checkout run at ${NOWHERE}; AGENTFLEET_URL or --url chooses one.\n`,
  )
})

describe('a wrong command line', () => {
  test.for([
    ['ls extra', '"extra" is one argument too many'],
    ['usage 7d', '"7d" is one argument too many'],
    ['up now', '"now" is one argument too many'],
    ['doctor all', '"all" is one argument too many'],
    ['completion bash zsh', '"zsh" is one argument too many'],
    ['get a b', '"b" is one argument too many; put an argument with spaces in quotes.'],
    ['agents ls x', '"x" is one argument too many'],
    ['agents tools x', '"x" is one argument too many'],
    ['agents put a b c', '"c" is one argument too many'],
    ['keys me x', '"x" is one argument too many'],
    ['goals ls x', '"x" is one argument too many'],
    ['fleet node a b', '"b" is one argument too many'],
    ['get', 'The id of the task is missing. Run "agentfleet get --help".'],
    ['keys rotate', 'The id of the key is missing. Run "agentfleet keys --help".'],
    ['fleet drain', 'The name of the node is missing. Run "agentfleet fleet --help".'],
    ['cancel --all', 'Give at least one filter with --all, such as --agent NAME.'],
    ['cancel --all --dry-run --reason x', 'agentfleet cancel --all --state waiting --state queued'],
    ['agents put a', 'Give a name and a file: agentfleet agents put NAME FILE (- means'],
    ['agents gett a', '"gett" is not one of ls, get,'],
    ['fleet nod x', '"nod" is not one of node, drain.'],
    ['ls -z', '"-z" is not an option. Run "agentfleet ls --help".'],
    ['ls --agent=', '--agent is empty. Give it a value, or leave it out.'],
    ['cancel --all --metadata=', '--metadata is empty.'],
    ['cancel t --dry-run', '--dry-run works only in "agentfleet cancel --all'],
    ['cancel t -a researcher', '--agent works only in "agentfleet cancel --all'],
    ['cancel t --all', '--all works only in "agentfleet cancel --all'],
    ['replay t --dry-run', '--dry-run works only in "agentfleet replay --all'],
    ['replay t --since 1h', '--since works only in "agentfleet replay --all'],
    ['get t --events --result', '--events and --result do not go together.'],
    ['ls --count state -n 3', '--count and --limit do not go together.'],
    ['ls --all --limit 3', '--all and --limit do not go together.'],
    ['submit x --file tasks.jsonl', '--file works only in "agentfleet submit --file FILE'],
    ['submit x --wait --follow -a b', '--wait and --follow do not go together.'],
    ['approve --refuse', '--refuse works only in "agentfleet approve [--refuse]'],
    ['agents --version 3', '--version works only in "agentfleet agents get [--version N] NAME".'],
    ['agents rm a --watch', '--watch works only in "agentfleet agents [ls] [--watch]" and'],
    ['goals submit x --since 1h', '--since works only in "agentfleet goals [ls]'],
    ['goals --hold', '--hold works only in "agentfleet goals submit'],
    ['keys revoke k --tenant t', '--tenant works only in'],
    ['decisions d --kind scale', '--kind works only in "agentfleet decisions [options]".'],
    ['ls -a one -a two', '--agent is given twice, with different values. Give one of them.'],
    ['cancel --all --metadata a=1 --metadata a=2', '--metadata has two values for "a".'],
    ['ls --since 99999999d', '--since is at most 36500d, not "99999999d".'],
    ['submit --delay 99999999d x', '--delay is at most 36500d'],
    ['keys create --tenant t --scope tasks:read --expires 9999999d x', '--expires is at most'],
    ['ls --url localhost:8080', '"localhost:8080" is not the address of a gateway.'],
    ['ls --url http://kim:secret@host', '"http://…@host" is not the address of a gateway.'],
    ['ls --url http://host/?a=b', 'without a user, "?" and "#".'],
    ['ls --url https://', '"https://" is not the address of a gateway.'],
  ] as const)('such as "%s" ends with exit code 2 and says what is wrong', async ([line, text]) => {
    const asText = await run(NOWHERE, line.split(' '))
    expect(asText).toMatchObject({ code: EXIT.usage, out: '' })
    expect(asText.err).toContain(text)
    expect(asText.err).not.toContain('secret')
    const asJson = await run(NOWHERE, [...line.split(' '), '--json'])
    expect(errorIn(asJson.err)).toMatchObject({ code: 'usage', exitCode: EXIT.usage })
  })

  test('has every number of arguments that the usages of the commands show', async () => {
    for (const { name, usages } of COMMANDS.filter((one) => one.name !== 'up')) {
      for (const usage of usages) {
        const words = usage
          .replaceAll(/\[[^\]]*\]|--\S+ [A-Z]+…?|…/g, '')
          .split(' ')
          .filter(Boolean)
        const { err } = await run(
          NOWHERE,
          words.map((word) => word.split('|')[0] ?? ''),
        )
        expect([usage, err]).not.toEqual([usage, expect.stringContaining('too many')])
      }
      expect(name).toBe(usages[0]?.split(' ')[0])
    }
  })

  test.for(['a b', 'a\nb', 'schlüssel'])(
    'is one with the key "%s", which no request can carry',
    async (key) => {
      const { code, err } = await run(NOWHERE, ['ls'], {}, { AGENTFLEET_KEY: key })
      expect(code).toBe(EXIT.usage)
      expect(err).toContain('The key in AGENTFLEET_KEY or --key has')
    },
  )
})

describe('a file of tasks', () => {
  let dir = ''
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'agentfleet-cli-'))
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  test.for<[what: string, content: string | Uint8Array, text: RegExp]>([
    ['nothing', '', /^There is no task in .* Write one JSON object in each line\.\n$/],
    ['only empty lines', '\n\r\n \n', /^There is no task in /],
    ['no objects', '"a"\n', /^line 1 of .* is not an object such as \{"task":"…"\}\.\n$/],
    ['a list', '[{"task":"a"}]\n', /^line 1 of .* is not an object/],
    [
      'bytes that are not text',
      new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x1b]),
      /^\S+tasks\.jsonl is not text in UTF-8\. Save it in UTF-8 and try again\.\n$/,
    ],
  ])(
    'with %s is refused with exit code 2 and a message that names the place',
    async ([, content, text]) => {
      const file = join(dir, 'tasks.jsonl')
      await writeFile(file, content)
      const { code, err } = await run(NOWHERE, ['submit', '--file', file])
      expect(err).toMatch(text)
      expect(code).toBe(EXIT.usage)
      expect(err.match(/(?!\n)[\p{Cc}\p{Cf}]/gu)).toBeNull()
    },
  )

  test('that begins with the mark of an editor of Windows is read', async () => {
    const file = join(dir, 'agent.json')
    await writeFile(file, '\uFEFF{"role":"r"}\r\n')
    expect((await run(NOWHERE, ['agents', 'put', 'a', file])).code).toBe(EXIT.unreachable)
  })

  test('that cannot be read is refused with the reason', async () => {
    for (const path of [dir, join(dir, 'none')]) {
      const { code, err } = await run(NOWHERE, ['submit', '--file', path])
      expect(code).toBe(EXIT.usage)
      expect(err).toMatch(/^agentfleet cannot read .* \(E(ISDIR|NOENT): /)
    }
  })
})
