import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  findBinaries,
  startFleet,
  type Fleet,
  type FleetOptions,
} from '@agentfleet/local'
import { say } from '../command/flags.ts'

/**
 * Starts a fleet with one simulator in a temporary folder; stops it and removes the folder when `use` is over, however it ends.
 * If AGENTFLEET_KEEP_LOGS names a folder, the logs of all processes are copied there first. Throws when the
 * fleet does not start.
 */
export async function withOwnFleet(
  name: string,
  options: Omit<FleetOptions, 'dir' | 'binaries'>,
  use: (fleet: Fleet, dir: string) => Promise<void>,
): Promise<void> {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env), log: say })
  const dir = await mkdtemp(join(tmpdir(), `agentfleet-${name}-`))
  try {
    const onExit = (id: string, reason: string): void => say(`${id} ended: ${reason}`)
    const fleet = await startFleet({ onExit, simulators: 1, ...options, dir, binaries })
    try {
      await use(fleet, dir)
    } finally {
      await fleet.stop()
    }
  } finally {
    const keep = process.env['AGENTFLEET_KEEP_LOGS']
    if (keep !== undefined) await cp(join(dir, 'logs'), join(keep, name), { recursive: true })
    await rm(dir, { recursive: true, force: true })
  }
}
