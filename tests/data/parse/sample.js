#!/usr/bin/env node
'use strict'

const EventEmitter = require('events')

/**
 * Build a queue of jobs.
 * @param {object} options
 */
function buildQueue (options) {
  const jobs = []
  let running = 0

  function next () {
    if (running >= options.limit) return
    const job = jobs.shift()
    if (!job) return
    running++
    job(() => {
      running--
      next()
    })
  }

  function size () { return jobs.length }

  return { push (job) { jobs.push(job) }, next, size }
}

// Wait a while.
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const retry = async function (task, times) {
  for (let i = 0; i < times; i++) {
    try {
      return await task()
    } catch (error) {
      await sleep(i * 10)
    }
  }
}

class Worker extends EventEmitter {
  #state = 'idle'
  static count = 0

  constructor (name) {
    super()
    this.name = name
  }

  // Stop the worker.
  stop = () => {
    this.#state = 'stopped'
  }

  get state () {
    return this.#state
  }

  static async * each (workers) {
    for (const worker of workers) yield worker
  }
}

const formats = {
  separator: ',',
  csv (row) {
    return row.join(this.separator)
  },
  json: function (row) {
    return JSON.stringify(row)
  },
  plain: row => String(row)
}

Worker.prototype.toString = function () {
  return `Worker ${this.name}`
}

exports.buildQueue = buildQueue
exports.close = function close (done) {
  process.nextTick(done)
}
module.exports.formats = formats

process.on('exit', () => {
  console.log('bye')
})

export default function () {
  return new Worker('default')
}
