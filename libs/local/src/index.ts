export {
  defaultCacheDir,
  findBinaries,
  findBinary,
  findPrograms,
  type Binaries,
  type Program,
} from './binaries.ts'
export type { Exit } from './servers/child.ts'
export { startConsul } from './servers/consul.ts'
export { startNats, type NatsConfig } from './servers/nats.ts'
export { drawPorts } from './servers/ports.ts'
export { startRedis } from './servers/redis.ts'
export type { RunningServer } from './servers/server.ts'
export { takeDataDir } from './data-dir.ts'
export { serveControl } from './control.ts'
export { createPool } from './pool.ts'
export type { FleetAccess } from './fleet-file.ts'
export { startFleet, type Fleet, type FleetOptions } from './fleet.ts'
export { startMember, type Member } from './member.ts'
export { bundlePrograms, mainOf } from './programs.ts'
