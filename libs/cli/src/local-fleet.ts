import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FleetAccess } from '@agentfleet/local'

/** The fleet of a state folder that runs; undefined if none does. */
export async function findLocalFleet(stateDir: string): Promise<FleetAccess | undefined> {
  const names = await readdir(stateDir).catch(() => [])
  for (const name of names.filter((one) => one.startsWith('fleet-')).toSorted()) {
    const fleet = await readFleetFile(join(stateDir, name, 'fleet.json'))
    // A killed fleet leaves `running` behind.
    if (fleet?.state === 'running' && isRunning(fleet.pid)) return fleet
  }
  return undefined
}

/** A `fleet.json`; undefined if it cannot be read. */
export async function readFleetFile(path: string): Promise<FleetAccess | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as FleetAccess
  } catch {
    return undefined
  }
}

/** The address of a path of a gateway, which may stand below a path of its server. */
export function below(url: string, path: string): string {
  return `${url.replace(/\/+$/, '')}${path}`
}

/** Whether a process exists; one of another user counts too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
