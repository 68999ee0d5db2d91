import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createClient } from '@agentfleet/client'
import { defaultCacheDir, findBinaries, startFleet } from '../../src/index.ts'

test('a fleet that starts again with its state folder has the same node names at once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-again-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const exits: string[] = []
  const onExit = (id: string, reason: string): void => void exits.push(`${id} ${reason}`)
  try {
    for (let start = 1; start <= 3; start += 1) {
      const fleet = await startFleet({ dir, binaries, simulators: 1, onExit })
      const client = createClient({ baseUrl: fleet.url })
      const view = await client.submit(
        { task: `start ${start}`, model: 'echo' },
        { waitSeconds: 20 },
      )
      const { nodes } = await client.fleet()
      await fleet.stop()
      expect(view).toMatchObject({ state: 'completed', result: `start ${start}` })
      expect(nodes.map(({ id }) => id).sort()).toEqual(['worker-1', 'worker-2'])
    }
    expect(exits).toEqual([])
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}, 180_000)
