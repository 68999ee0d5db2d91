import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { SERVICES } from '@agentfleet/protocol'
import { withRedis } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { REDIS_KEYS } from '../../libs/adapters/src/store/redis-keys.ts'
import { loadConfig } from '../../libs/runtime/src/index.ts'
import { CODE_LANGUAGES, compileCode, type Compiled } from '../contract/compile-snippets.ts'
import { composeServices, ROOT, schemaOf } from '../contract/manifests.ts'
import { readPages, type Page, type Snippet } from '../contract/markdown.ts'
import { openDoor, type Door } from './door.ts'
import { sharedFleet } from './tenant.ts'

/**
 * Runs the snippets of every page, in their order, as a reader would: shell and code against the shared
 * fleet, and a document marked `answer` compared with the answer to the snippet before it. Programs that would
 * start another fleet only note their arguments, which are checked.
 */

const run = promisify(execFile)
/** Milliseconds that one snippet may take: a snippet may hold a request for 30 s. */
const SNIPPET_WITHIN_MS = 50_000
/**
 * The note of a snippet whose tasks need this model of the shared fleet, where a reader needs a real provider.
 */
const MODEL_NOTE = /\bmodel=(\S+)/
/** A task may end before the snippet that cancels it runs; the guide says so. */
const ENDED_BEFORE = /\/cancel: 409 .*"already-finished"/
/** The note of a snippet that readers should save under this name. */
const FILE_NOTE = /\bfile=(\S+)/
const NOTING = `#!/bin/sh
node -e 'require("fs").appendFileSync("calls", JSON.stringify({ program: process.argv[1], args: process.argv.slice(2), env: process.env }) + "\\n")' -- "\${0##*/}" "$@"
`

interface ProgramCall {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const RUN = new Set(['sh', ...CODE_LANGUAGES])
const isRun = ({ language, notRun }: Snippet): boolean => RUN.has(language) && notRun === undefined
const pages = readPages().filter(({ snippets }) => snippets.some(isRun))

/** Programs that only note how they were called, and what a test can say about that. */
const CHECKS: Readonly<Record<string, (at: string, call: ProgramCall) => void | Promise<void>>> = {
  npm: expectNpmCall,
  docker: expectDockerCall,
  kubectl: expectKubectlCall,
}

/** A folder that looks like the checkout and may be written to. */
let folder: string
let door: Door
let compiled: Compiled
beforeAll(async () => {
  const { url, keys } = await sharedFleet()
  door = await openDoor(url, keys['docs'] ?? '')
  compiled = await compileCode(pages.flatMap(snippetsAtDoor))
  folder = await mkdtemp(join(tmpdir(), 'agentfleet-docs-'))
  await mkdir(join(folder, 'bin'))
  for (const program of Object.keys(CHECKS)) {
    await writeFile(join(folder, 'bin', program), NOTING)
    await chmod(join(folder, 'bin', program), 0o755)
  }
  const names = (await readdir(ROOT)).filter((name) => name !== '.env' && name !== '.git')
  for (const name of names) await symlink(join(ROOT, name), join(folder, name))
})
afterAll(async () => {
  await compiled[Symbol.asyncDispose]()
  await door[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test.for(pages.map((page) => [page.path, page] as const))(
  'the snippets in %s have the results that the page describes',
  { timeout: 10 * SNIPPET_WITHIN_MS },
  async ([, page]) => {
    const here = snippetsAtDoor(page)
    for (const { note, text } of here) {
      const [, name] = FILE_NOTE.exec(note) ?? []
      if (name === undefined) continue
      // A page names the reader's own key file; here it is one that exists.
      const keyFile = join(folder, 'key')
      await writeFile(keyFile, 'a-key')
      await writeFile(join(folder, name), text.replaceAll('/run/secrets/openai', keyFile))
    }
    for (const snippet of here.filter((one) => isRun(one) || one.note === 'answer')) {
      const { at, note, language } = snippet
      door.useModel(MODEL_NOTE.exec(note)?.[1])
      if (note === 'answer') expectAnswer(snippet)
      else if (language === 'sh') await runShell(snippet)
      else await runToEnd(at, process.execPath, [compiled.programOf(snippet)], process.env)
      const refused = door.takeRefused().filter((line) => !ENDED_BEFORE.test(line))
      expect({ at, refused }).toEqual({ at, refused: [] })
    }
  },
)

test('every key that the fleet has written to Redis has a kind and a type that the reference lists', async () => {
  const { redisUrl } = await sharedFleet()
  const kinds = Object.values(REDIS_KEYS).map(({ key, type }) => {
    const parts = key.split(/<[^>]+>/).map((part) => part.replaceAll(/[{}]/g, '\\$&'))
    return { pattern: new RegExp(`^${parts.join('[^{}]+')}$`), type }
  })
  const { keys, types } = await withRedis(redisUrl, async (redis) => {
    const keys = await redis.keys('*')
    return { keys, types: await Promise.all(keys.map((key) => redis.type(key))) }
  })
  expect(keys).toContain('projection:2')
  // A key may disappear between both commands: it expired, was used, or its set became empty. Its type is then
  // `none`.
  const known = (key: string, index: number): boolean =>
    types[index] === 'none' ||
    kinds.some(({ pattern, type }) => pattern.test(key) && type === types[index])
  expect(keys.filter((key, index) => !known(key, index))).toEqual([])
})

function snippetsAtDoor({ snippets }: Page): readonly Snippet[] {
  return snippets.map((snippet) => ({
    ...snippet,
    text: snippet.text.replaceAll(/(?:localhost|127\.0\.0\.1):8080/g, door.address),
  }))
}

async function runShell({ at, text }: Snippet): Promise<void> {
  await rm(join(folder, 'calls'), { force: true })
  const env = {
    ...process.env,
    PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}`,
    AGENTFLEET_URL: `http://${door.address}`,
  }
  await runToEnd(at, 'bash', ['-euo', 'pipefail', '-c', text], env)
  const calls = await readFile(join(folder, 'calls'), 'utf8').catch(() => '')
  for (const line of calls.split('\n').filter(Boolean)) {
    const call = JSON.parse(line) as ProgramCall
    await CHECKS[call.program]?.(at, call)
  }
}

/** The script exists, and no service of a fleet that it starts would refuse its variables. */
async function expectNpmCall(at: string, { args, env }: ProgramCall): Promise<void> {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const [first = '', second = ''] = args
  expect(Object.keys(manifest.scripts), at).toContain(first === 'run' ? second : first)
  for (const service of SERVICES) {
    const own = Object.entries(env).filter(([name]) => !(name in process.env))
    const set = { CLAIM_KEY: 'of-the-test-0123456789', ...Object.fromEntries(own) }
    expect(() => loadConfig(schemas[service], set), `${at}, ${service}`).not.toThrow()
  }
}

/** Each service that the command names is one of docker-compose.yml. */
function expectDockerCall(at: string, { args }: ProgramCall): void {
  expect(args.slice(0, 2), at).toEqual(['compose', 'up'])
  const named = args.slice(2).filter((arg) => !arg.startsWith('-'))
  const known = Object.keys(composeServices())
  expect(known, at).toEqual(expect.arrayContaining(named.map((arg) => arg.replace(/=\d+$/, ''))))
}

/** The manifest exists, or the folder of a kustomization. */
async function expectKubectlCall(at: string, { args }: ProgramCall): Promise<void> {
  const [verb, flag, path = ''] = args
  expect(verb, at).toBe('apply')
  const text = readFile(join(folder, path, flag === '-k' ? 'kustomization.yaml' : ''), 'utf8')
  expect(await text, at).toMatch(/^(?:kind|resources):/m)
}

const schemas = Object.fromEntries(
  await Promise.all(SERVICES.map(async (name) => [name, await schemaOf(name)] as const)),
) as Record<(typeof SERVICES)[number], Awaited<ReturnType<typeof schemaOf>>>

async function runToEnd(
  at: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const ended = run(program, [...args], { cwd: folder, env, timeout: SNIPPET_WITHIN_MS })
  await ended.catch((error: unknown) => expect.fail(`${at}: ${String(error)}`))
}

/** The answer has every field that the page shows; `…` stands for a part that the page leaves out. */
function expectAnswer({ at, text }: Snippet): void {
  expect(door.latest(), at).toMatchObject(patternsIn(JSON.parse(text)) as object)
}

function patternsIn(shown: unknown): unknown {
  if (typeof shown === 'string' && shown.includes('…')) {
    const parts = shown.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return expect.stringMatching(new RegExp(`^${parts.join('[^]*')}$`))
  }
  if (Array.isArray(shown)) return shown.map(patternsIn)
  if (typeof shown !== 'object' || shown === null) return shown
  return Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, patternsIn(value)]))
}
