import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const check = async (script: string): Promise<string> => {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url))
  const run = promisify(execFile)(process.execPath, [path, '--check'])
  return run.then(
    ({ stderr }) => stderr,
    ({ stderr }: { stderr: string }) => stderr,
  )
}

test('the file with the generated types is up to date with openapi.yaml', async () => {
  expect(await check('generate.mjs')).toBe('')
}, 30_000)

test('the reference of the bus is what the channels declare', async () => {
  expect(await check('document-channels.mjs')).toBe('')
}, 30_000)

test('the reference of the error codes is the table of failure codes', async () => {
  expect(await check('document-codes.mjs')).toBe('')
}, 30_000)

test('the reference of the operations is openapi.yaml', async () => {
  expect(await check('document-operations.mjs')).toBe('')
}, 30_000)
