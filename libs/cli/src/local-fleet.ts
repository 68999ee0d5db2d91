import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FleetAccess } from '@agentfleet/local'

/** The fleets of a state folder that run. */
export async function localFleets(stateDir: string): Promise<readonly FleetAccess[]> {
  const names = await readdir(stateDir).catch(() => [])
  const folders = names.filter((one) => one.startsWith('fleet-')).toSorted()
  const fleets = await Promise.all(folders.map((name) => readFleet(join(stateDir, name))))
  // A killed fleet leaves `running` behind.
  return fleets.flatMap((fleet) => (fleet !== undefined && isRunning(fleet.pid) ? [fleet] : []))
}

/** The fleet of a folder by its `fleet.json`; undefined if it has stopped, or if another program wrote the file. */
async function readFleet(folder: string): Promise<FleetAccess | undefined> {
  try {
    const fleet = JSON.parse(await readFile(join(folder, 'fleet.json'), 'utf8')) as FleetAccess
    const { state, pid, url, processes, simulators } = fleet
    const isWhole = pid > 0 && Array.isArray(processes) && Array.isArray(simulators)
    return state === 'running' && isWhole && URL.canParse(url) ? fleet : undefined
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
