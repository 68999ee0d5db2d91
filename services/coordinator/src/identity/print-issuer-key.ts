/** Prints a new key with which coordinators vouch for nodes, as two lines of an environment file. */
import { createIssuerKey } from '@agentfleet/protocol'

const { publicKey, seed } = createIssuerKey()
process.stdout.write(`NATS_ISSUER=${publicKey}\nNATS_ISSUER_SEED=${seed}\n`)
