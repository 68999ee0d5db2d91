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

/** A command's choices for the fleet that it starts. */
type OwnFleetOptions = Omit<FleetOptions, 'dir' | 'binaries'> & {
  readonly say: (line: string) => void
}

/**
 * Starts a fleet in a temporary folder; stops it and removes the folder when `use` is over, however it ends.
 * If AGENTFLEET_KEEP_LOGS names a folder, the logs of all processes are copied there first. Throws when the
 * fleet does not start.
 */
export async function withOwnFleet(
  name: string,
  { say, ...options }: OwnFleetOptions,
  use: (fleet: Fleet, dir: string) => Promise<void>,
): Promise<void> {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env), log: say })
  const dir = await mkdtemp(join(tmpdir(), `agentfleet-${name}-`))
  try {
    const onExit = (id: string, reason: string): void => say(`${id} ended: ${reason}`)
    const fleet = await startFleet({ onExit, ...options, dir, binaries })
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
