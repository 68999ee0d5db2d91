import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeDataDir } from '../../src/data-dir.ts'
import { drawCredentials, keepNodesSecret } from '../../src/start/credentials.ts'
import { StartFailure } from '../../src/start/start-watch.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'agentfleet-data-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

test('a start creates the state folder with its parent folders, and a second fleet uses another state folder', async () => {
  const base = join(root, 'a', 'b')
  const first = await takeDataDir(base)
  const second = await takeDataDir(base)
  expect([first.dir, second.dir]).toEqual([join(base, 'fleet-1'), join(base, 'fleet-2')])
  await first.release()
  expect((await takeDataDir(base)).dir).toBe(first.dir)
})

test('the start ends if the state folder cannot be made, and the error contains the path and says what to do', async () => {
  const file = join(root, 'file')
  await writeFile(file, '')
  for (const base of ['/proc/nope', file, join(file, 'below')]) {
    const taken = takeDataDir(base)
    await expect(taken).rejects.toBeInstanceOf(StartFailure)
    await expect(taken).rejects.toThrow(/^the state folder .* cannot be used .*--data/)
    await expect(taken).rejects.toThrow(base)
  }
})

test('a start refuses the state of a newer version, and then does not lock the state folder', async () => {
  const base = join(root, 'newer')
  const first = await takeDataDir(base)
  await first.release()
  expect(await readFile(join(first.dir, 'format'), 'utf8')).toBe('1\n')
  await writeFile(join(first.dir, 'format'), '2\n')
  await expect(takeDataDir(base)).rejects.toThrow(/format 2, .* reads up to 1; use the version/)
  await writeFile(join(first.dir, 'format'), '1\n')
  expect((await takeDataDir(base)).dir).toBe(first.dir)
})

test('a fleet keeps the secrets of its nodes in its state folder, and each node has a different secret', async () => {
  const { dir } = await takeDataDir(join(root, 'kept'))
  const secretOf = async (id: string): Promise<string | undefined> => {
    const credentials = drawCredentials(await keepNodesSecret(dir))
    return credentials.envOf('worker', id, 'redis://127.0.0.1:1')['NODE_SECRET']
  }
  expect(await secretOf('worker-1')).toBe(await secretOf('worker-1'))
  expect(await secretOf('worker-1')).not.toBe(await secretOf('worker-2'))
})
