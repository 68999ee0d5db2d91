import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultCacheDir, findBinaries, startFleet } from '../../src/index.ts'

test("a start that cannot succeed ends with an error that contains the cause and the path of the service's log", async () => {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-failed-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const exits: string[] = []
  try {
    const start = startFleet({
      dir,
      binaries,
      simulators: 0,
      workers: 1,
      // The start of the others would only cost time.
      replicas: { autoscaler: 0, 'health-monitor': 0, 'load-balancer': 0, recovery: 0 },
      env: { gateway: { API_KEYS: 'acme:too-short' } },
      onExit: (id, reason) => exits.push(`${id} ${reason}`),
    })
    await expect(start).rejects.toThrow(
      /gateway-1 does not start[^]*API_KEYS: entry 1 needs a key of 16 characters[^]*logs\/gateway-1\.log/,
    )
    expect(exits[0]).toContain('API_KEYS: entry 1')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}, 60_000)
