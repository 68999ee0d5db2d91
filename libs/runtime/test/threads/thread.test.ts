import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('threads.mjs', import.meta.url))

test('a thread that fills its memory ends alone, also in a process with a large young generation (L7)', async () => {
  const flags = ['--max-semi-space-size=64']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, FIXTURE])
  expect(stdout).toMatch(/^Error \[ERR_WORKER_OUT_OF_MEMORY\]/)
})
