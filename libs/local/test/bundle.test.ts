import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** The bundles of a small workspace: one program with a thread, and one library. */

const BUNDLER = new URL('../bundle.mjs', import.meta.url).href
const { staleBundles, makeBundles } = (await import(BUNDLER)) as {
  staleBundles(root: string): readonly string[]
  makeBundles(programs: readonly string[], root: string): Promise<void>
}
const PROGRAM = 'services/worker'
const LIBRARY = '@agentfleet/tiny'
const HOUR_MS = 60 * 60_000

const MAIN = `import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { textOfLibrary } from ${JSON.stringify(LIBRARY)}
import { messageOf } from './messages/message.ts'

interface Said { text: string }

const thread = new Worker(new URL('./heartbeat/heartbeat-thread.js', import.meta.url))
thread.once('message', async (heard: string) => {
  const { late } = await import('./late.ts')
  const said: Said = { text: readFileSync(new URL('../own.txt', import.meta.url), 'utf8') }
  console.log(JSON.stringify({ heard, late, own: said.text, library: textOfLibrary(), stack: messageOf() }))
})
`
const FILES: Readonly<Record<string, string>> = {
  'libs/tiny/package.json': JSON.stringify({
    name: LIBRARY,
    type: 'module',
    exports: { '.': { '@agentfleet/source': './src/index.ts', default: './dist/index.js' } },
  }),
  'libs/tiny/src/index.ts': `export { textOfLibrary } from './text/library.ts'\n`,
  'libs/tiny/src/text/library.ts': `import { readFileSync } from 'node:fs'
const FILE = new URL('../../library.txt', import.meta.url)
export const textOfLibrary = (): string => readFileSync(FILE, 'utf8')
`,
  'libs/tiny/dist/index.js': '',
  'libs/tiny/library.txt': 'text of the library',
  [`${PROGRAM}/package.json`]: JSON.stringify({ type: 'module' }),
  [`${PROGRAM}/src/main.ts`]: MAIN,
  [`${PROGRAM}/src/late.ts`]: `export const late: string = 'loaded late'\n`,
  [`${PROGRAM}/src/messages/message.ts`]: `type Text = string

export function messageOf(): Text {
  return new Error('here').stack ?? ''
}
`,
  [`${PROGRAM}/src/heartbeat/heartbeat-thread.ts`]: `import { parentPort } from 'node:worker_threads'
parentPort?.postMessage('from the thread')
`,
  [`${PROGRAM}/own.txt`]: 'text of the program',
}

let root: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'agentfleet-bundle-')))
  for (const [path, text] of Object.entries(FILES)) await put(path, text)
  const packages = join(root, PROGRAM, 'node_modules', '@agentfleet')
  await mkdir(packages, { recursive: true })
  await symlink(join(root, 'libs', 'tiny'), join(packages, 'tiny'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** Writes a file that was last changed an hour ago, so before the bundle. */
async function put(path: string, text: string): Promise<void> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  await age(path, HOUR_MS)
}

async function age(path: string, byMs: number): Promise<void> {
  const then = new Date(Date.now() - byMs)
  await utimes(join(root, path), then, then)
}

const bundled = (name = '') => join(PROGRAM, 'dist', 'main.js.bundle', name)

test('a bundle is made again when one of its files has changed, and not when only the time of a file has', async () => {
  expect(staleBundles(root)).toEqual([PROGRAM])
  await makeBundles([PROGRAM], root)
  expect(staleBundles(root)).toEqual([])
  await age('libs/tiny/src/text/library.ts', 2 * HOUR_MS)
  expect(staleBundles(root)).toEqual([])
  await put('libs/tiny/src/text/library.ts', `export const textOfLibrary = () => 'other'\n`)
  expect(staleBundles(root)).toEqual([PROGRAM])
  await makeBundles([PROGRAM], root)
  expect(staleBundles(root)).toEqual([])
  // The bundle contains no text of a module that only names other modules.
  await put('libs/tiny/src/index.ts', `export const textOfLibrary = (): string => 'another'\n`)
  expect(staleBundles(root)).toEqual([PROGRAM])
})

test('a bundle whose file changes while it is made is made again', async () => {
  await age('libs/tiny/src/index.ts', -HOUR_MS)
  await makeBundles([PROGRAM], root)
  expect(staleBundles(root)).toEqual([PROGRAM])
})

test('a bundled program finds its files, starts its thread, loads modules late, and names the source of an error', async () => {
  await makeBundles([PROGRAM], root)
  const args = ['--enable-source-maps', join(root, bundled('main.js'))]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { stack, ...said } = JSON.parse(stdout) as Record<string, string>
  expect(said).toEqual({
    heard: 'from the thread',
    late: 'loaded late',
    own: 'text of the program',
    library: 'text of the library',
  })
  expect(stack).toContain(`${join(root, PROGRAM)}/src/messages/message.ts:4:`)
})

test('the files of an earlier bundle stay for a day, because a program that runs may load them late', async () => {
  const late = async () =>
    (await readdir(join(root, bundled()))).filter((name) => /^late-.*\.js$/.test(name))
  await makeBundles([PROGRAM], root)
  const [earlier = ''] = await late()
  await put(`${PROGRAM}/src/late.ts`, `export const late = 'changed'\n`)
  await makeBundles([PROGRAM], root)
  expect(await late()).toHaveLength(2)
  await age(bundled(earlier), 25 * HOUR_MS)
  await makeBundles([PROGRAM], root)
  expect(existsSync(join(root, bundled(earlier)))).toBe(false)
  expect(await late()).toHaveLength(1)
})
