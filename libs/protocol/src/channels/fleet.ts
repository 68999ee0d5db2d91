import { z } from 'zod'
import { historySchema, snapshotSchema } from '../control.ts'
import {
  heartbeatSchema,
  idSchema,
  loadSchema,
  offeredToolSchema,
  offersSchema,
  providerModelSchema,
} from '../heartbeat.ts'
import { balancerSchema } from '../messages.ts'
import { holdingSchema, holdingsSchema } from '../holdings.ts'
import { PAYLOAD_MAX_BYTES } from '../streams.ts'
import { whole } from '../values/numbers.ts'
import { event, KIB, MIB, request } from './channel.ts'

/** The node's answer alone is what the sender needs. */
const here = z.object({})

/** Reports of nodes and services about themselves. */
export const FLEET_CHANNELS = {
  heartbeat: event('heartbeat', {
    subject: 'node.{nodeId}.heartbeat',
    summary: 'A node sends its load at a regular interval.',
    body: heartbeatSchema,
    senders: ['worker'],
    listeners: ['load-balancer', 'health-monitor'],
    ownNode: 'sender',
    bytesMax: 8 * KIB,
  }),
  load: event('load', {
    subject: 'node.{nodeId}.load',
    summary:
      'A node sends its load soon after a change, and names the tasks that it no longer runs.',
    body: loadSchema,
    items: { field: 'ended', schema: idSchema },
    senders: ['worker'],
    listeners: ['load-balancer'],
    ownNode: 'sender',
    bytesMax: MIB,
  }),
  providers: event('providers', {
    subject: 'node.{nodeId}.providers',
    summary: 'A node sends the state of the models of its providers, as the node sees this state.',
    body: z.object({ nodeId: idSchema, models: z.array(providerModelSchema.optional()) }),
    items: { field: 'models', schema: providerModelSchema },
    senders: ['worker'],
    listeners: ['gateway'],
    ownNode: 'sender',
    bytesMax: MIB,
  }),
  offers: event('offers', {
    subject: 'node.{nodeId}.offers',
    summary: 'A node announces the tools and the models that it offers to tasks.',
    body: offersSchema,
    items: { field: 'tools', schema: offeredToolSchema },
    senders: ['worker'],
    listeners: ['gateway'],
    ownNode: 'sender',
    bytesMax: 4 * MIB,
  }),
  ping: request('ping', {
    subject: 'node.{nodeId}.ping',
    summary:
      'The health monitor asks whether a node answers. The request can tell the node that an earlier start (incarnation) of the node was declared dead.',
    // The incarnation that was declared dead, if one was (L6).
    body: z.object({ deadIncarnation: whole.optional() }),
    reply: here,
    senders: ['health-monitor'],
    listeners: ['worker'],
    ownNode: 'listener',
    bytesMax: 4 * KIB,
    replyBytesMax: KIB,
  }),
  drain: request('drain', {
    subject: 'node.{nodeId}.drain',
    summary: 'A service asks a node to finish its runs and to accept no new tasks.',
    body: z.object({}),
    reply: here,
    senders: ['gateway', 'health-monitor', 'autoscaler', 'recovery'],
    listeners: ['worker'],
    ownNode: 'listener',
    bytesMax: 4 * KIB,
    replyBytesMax: KIB,
  }),
  balancer: event('balancer', {
    subject: 'fleet.balancer',
    summary:
      'A load balancer announces that it is alive, and whether gateways may hand new tasks to it.',
    body: balancerSchema,
    senders: ['load-balancer'],
    listeners: ['load-balancer', 'gateway'],
    bytesMax: 256 * KIB,
  }),
  gateway: event('gateway', {
    subject: 'fleet.gateway',
    summary: 'A gateway announces that it is alive, and for how many tenants it has keys.',
    body: z.object({ id: idSchema, tenants: whole }),
    senders: ['gateway'],
    listeners: ['coordinator'],
    bytesMax: 4 * KIB,
  }),
  holdings: event('holdings', {
    subject: 'fleet.holdings',
    summary: 'A coordinator announces how many bytes of the log and of Redis each tenant uses.',
    body: holdingsSchema,
    items: { field: 'tenants', schema: holdingSchema },
    senders: ['coordinator'],
    listeners: ['gateway'],
    bytesMax: MIB,
  }),
  snapshot: event('snapshot', {
    subject: 'fleet.snapshot',
    summary: 'The primary health monitor publishes the states and the loads of all nodes.',
    body: snapshotSchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'load-balancer', 'health-monitor', 'autoscaler', 'recovery'],
    bytesMax: PAYLOAD_MAX_BYTES,
  }),
  history: event('history', {
    subject: 'fleet.history',
    summary:
      'The primary health monitor sends the totals of the fleet in the last hour every ten seconds.',
    body: historySchema,
    senders: ['health-monitor'],
    listeners: ['gateway', 'health-monitor'],
    bytesMax: MIB,
  }),
} as const
