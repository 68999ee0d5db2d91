/**
 * Metric factories of one registry. Purpose: one prefix, and labels that cannot grow without bound.
 *
 * Invariant: a metric has at most SERIES_MAX label sets; further label sets are counted under the value
 * `other`, so a label with foreign values (a tenant, an error text) costs bounded memory.
 */
import * as prom from 'prom-client'

export type { Registry } from 'prom-client'

const PREFIX = 'fleet_'

/** Label sets per metric: room for 7 services × outcomes or 200 nodes, still a small scrape. */
const SERIES_MAX = 256

const OTHER = 'other'

/** Seconds; 1 ms to 60 s, from a hop over the bus to a long model call. */
const LATENCY_BUCKETS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

/** A value for each label of a metric. */
export type Labels<L extends string> = Readonly<Record<L, string>>

/** A number that only grows. */
export interface Counter<L extends string> {
  inc(by?: number): void
  inc(labels: Labels<L>, by?: number): void
}

/** A number that goes up and down. */
export interface Gauge<L extends string> {
  set(value: number): void
  set(labels: Labels<L>, value: number): void
  /** Forgets all label sets, so that ended ones are no longer reported. */
  reset(): void
}

/** A distribution of measured values. */
export interface Histogram<L extends string> {
  observe(value: number): void
  observe(labels: Labels<L>, value: number): void
}

/**
 * The factories of one registry. A name is given without the common prefix; `is` says what the metric is, as
 * the end of the sentence "The metric is …".
 */
export interface Metrics {
  counter<L extends string = never>(name: string, is: string, labels?: readonly L[]): Counter<L>
  gauge<L extends string = never>(name: string, is: string, labels?: readonly L[]): Gauge<L>
  /** A gauge whose value is read at each scrape. */
  gaugeOf(name: string, is: string, read: () => number): void
  /** A gauge with labels whose values are read at each scrape. */
  gaugesOf<L extends string>(
    name: string,
    is: string,
    labels: readonly L[],
    read: () => Iterable<{ readonly labels: Labels<L>; readonly value: number }>,
  ): void
  /** A counter whose value is read at each scrape: `read` returns every label set and its count. */
  counterOf<L extends string>(
    name: string,
    is: string,
    labels: readonly L[],
    read: () => Iterable<{ readonly labels: Labels<L>; readonly count: number }>,
  ): void
  histogram<L extends string = never>(
    name: string,
    is: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>
}

/** A registry with the process's default metrics, all of them labelled with the service's name. */
export function createRegistry(service: string): prom.Registry {
  const registry = new prom.Registry()
  registry.setDefaultLabels({ service })
  // The default of 10 ms wakes an idle process a hundred times a second.
  prom.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  return registry
}

/** The factories that register `fleet_` metrics with bounded labels in the given registry. */
export function metricsOf(registry: prom.Registry): Metrics {
  const settings = settingsIn(registry)
  return {
    counter(name, is, labels) {
      const metric = new prom.Counter(settings(name, is, labels))
      const bound = boundLabels(labels)
      return {
        inc(first: number | Labels<string> = 1, by: number = 1) {
          if (typeof first === 'number') metric.inc(first)
          else metric.inc(bound.admit(first), by)
        },
      }
    },
    gauge(name, is, labels) {
      const metric = new prom.Gauge(settings(name, is, labels))
      const bound = boundLabels(labels)
      return {
        set(first: number | Labels<string>, value: number = 0) {
          if (typeof first === 'number') metric.set(first)
          else metric.set(bound.admit(first), value)
        },
        reset() {
          metric.reset()
          bound.forget()
        },
      }
    },
    gaugeOf(name, is, read) {
      new prom.Gauge({
        ...settings(name, is),
        collect() {
          this.set(read())
        },
      })
    },
    gaugesOf(name, is, labels: readonly string[], read) {
      new prom.Gauge({
        ...settings(name, is, labels),
        collect() {
          this.reset()
          const bound = boundLabels(labels)
          for (const { labels: given, value } of read()) this.set(bound.admit(given), value)
        },
      })
    },
    counterOf(name, is, labels: readonly string[], read) {
      new prom.Counter({
        ...settings(name, is, labels),
        collect() {
          this.reset()
          // Names that are no longer read free their places.
          const bound = boundLabels(labels)
          for (const { labels: given, count } of read()) this.inc(bound.admit(given), count)
        },
      })
    },
    histogram(name, is, labels, buckets = LATENCY_BUCKETS_S) {
      const metric = new prom.Histogram({ ...settings(name, is, labels), buckets: [...buckets] })
      const bound = boundLabels(labels)
      return {
        observe(first: number | Labels<string>, value: number = 0) {
          if (typeof first === 'number') metric.observe(first)
          else metric.observe(bound.admit(first), value)
        },
      }
    },
  }
}

function settingsIn(registry: prom.Registry) {
  return (name: string, is: string, labels: readonly string[] = []) => ({
    name: PREFIX + name,
    help: `The metric is ${is}.`,
    labelNames: [...labels],
    registers: [registry],
  })
}

function boundLabels(names: readonly string[] = []) {
  const seen = new Set<string>()
  const others = Object.fromEntries(names.map((name) => [name, OTHER]))
  return {
    admit(labels: Labels<string>): Record<string, string> {
      const key = names.map((name) => labels[name]).join('\u0000')
      if (seen.has(key)) return labels
      if (seen.size >= SERIES_MAX) return others
      seen.add(key)
      return labels
    },
    forget: () => seen.clear(),
  }
}
