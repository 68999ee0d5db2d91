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

/** A command's choices for the fleet that it starts. */
export type OwnFleetOptions = Omit<FleetOptions, 'dir' | 'binaries'> & {
  readonly say: (line: string) => void
}

/**
 * Starts a fleet in a temporary folder; stops it and removes the folder when `use` is over, however it ends.
 * Throws when the fleet does not start.
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
