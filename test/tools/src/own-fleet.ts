import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  findBinaries,
  startFleet,
  type Fleet,
  type FleetOptions,
} from '@agentfleet/local'

/** What a command decides of the fleet that it starts. */
export type OwnFleetOptions = Omit<FleetOptions, 'dir' | 'binaries'> & {
  readonly say: (line: string) => void
}

/**
 * Starts a fleet in a folder of its own, and stops it and removes the folder when `use` is over, however
 * it ends. Throws when it does not start.
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
    await rm(dir, { recursive: true, force: true })
  }
}
