export { startBusTap, type BusTap } from './bus-tap.ts'
export { requestValues, type RequestValues } from './request-values.ts'
export { invalidValues, validValues, type ValueSchema, type ValueSource } from './schema-values.ts'
export { eventually } from './eventually.ts'
export { listen, type Listening } from './listen.ts'
export { heartbeatOf, nodeOf, PLAIN_SPEC, recordOf } from './records.ts'
export {
  openStoredTasks,
  startTestFleet,
  FIXED_NODES,
  type StoredTasks,
  type TestFleet,
} from './fleet.ts'
export { DEPLOYMENT } from './kubernetes-cluster.ts'
export { isAllowed, startKubernetes, type SeenRequest } from './kubernetes-server.ts'
export { withRedis } from './redis.ts'
export { playScript } from './scripts.ts'
export { startSecuredServers, STREAM_SIZES, type SecuredServers } from './secured-servers.ts'
export { findShells, type Shell } from './shells.ts'
export { startTestServers, type TestServers } from './servers.ts'
