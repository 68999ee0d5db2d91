import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startMember } from '../src/member.ts'

/** A service that answers its probes and does nothing else. */
const SCRIPT = `
import { createServer } from 'node:http'
createServer((_request, response) => response.end('{}')).listen(Number(process.env.HTTP_PORT))
`
const READY_WITHIN_MS = 20_000

let dir: string
let script: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-member-'))
  script = join(dir, 'service.mjs')
  await writeFile(script, SCRIPT)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('a service of a local fleet that hangs is killed and started again, and the caller gets the reason', async () => {
  const ends: string[] = []
  const member = await startMember({
    id: 'service-1',
    kind: 'service',
    script,
    env: {},
    logDir: dir,
    restart: true,
    hungAfterMs: 1_000,
    onExit: (_exit, asked, _pauseMs, hung) => void (asked || ends.push(hung ?? 'died')),
  })
  try {
    await member.ready(READY_WITHIN_MS)
    const pid = member.pid()
    member.kill('SIGSTOP')
    await vi.waitFor(() => expect(member.pid()).not.toBe(pid), { timeout: READY_WITHIN_MS })
    await member.ready(READY_WITHIN_MS)
    expect(ends).toEqual(['the process did not answer for 1 s'])
  } finally {
    await member.stop()
  }
}, 60_000)
