export { startBusTap, type BusTap, type Published } from './bus-tap.ts'
export { requestValues, type RequestValues } from './request-values.ts'
export {
  invalidValues,
  validValues,
  type InvalidValue,
  type ValueSchema,
  type ValueSource,
} from './schema-values.ts'
export { eventually } from './eventually.ts'
export { listen, type Listening } from './listen.ts'
export { heartbeatOf, nodeOf, PLAIN_SPEC, recordOf } from './records.ts'
export { openStoredTasks, startTestFleet, type StoredTasks, type TestFleet } from './fleet.ts'
export { DEPLOYMENT, isAllowed, startKubernetes, type SeenRequest } from './kubernetes-server.ts'
export { withRedis } from './redis.ts'
export { playScript } from './scripts.ts'
export { startSecuredServers, type Beside, type SecuredServers } from './secured-servers.ts'
export { startTestServers, type TestServers } from './servers.ts'
