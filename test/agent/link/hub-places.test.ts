// hub-places.test.ts - the order in which a device looks for its hub
import t from 'tap'
import { apiAddressOf, createHubPlaces } from '../../../agent/link/hub-places.ts'

const hub = {
  host: 'hub.example',
  apiPort: 6443,
  mqttPort: 8883,
  others: ['10.0.0.7', '[fd00::7]:7443', 'hub.example:6443'],
}

t.test('What its owner says comes first, then where it joined, then what the token named; each once', async (t) => {
  const { all } = createHubPlaces({ hub }, ['10.0.0.9:6443', '10.0.0.7'])
  t.same(all.map(apiAddressOf), ['10.0.0.9:6443', '10.0.0.7:6443', 'hub.example:6443', '[fd00::7]:7443'])
  t.ok(all.every(({ mqttPort }) => mqttPort === 8883))
})

t.test(
  'A place that works is kept, one that does not is followed by the next, and after the last by the first',
  async (t) => {
    const places = createHubPlaces({ hub })
    const seen: string[] = []
    for (let time = 0; time < 4; time++) {
      seen.push(places.current().host)
      const tried = places.current()
      places.failed(tried)
      places.failed(tried)
    }
    t.same(seen, ['hub.example', '10.0.0.7', 'fd00::7', 'hub.example'])
    const only = createHubPlaces({ hub: { host: 'hub.example', apiPort: 6443, mqttPort: 8883 } })
    only.failed(only.current())
    t.equal(only.current().host, 'hub.example')
  },
)
