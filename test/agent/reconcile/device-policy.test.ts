// device-policy.test.ts - the owner of a device has the last word, and the refusal names the setting
import t from 'tap'
import { refusedHere } from '../../../agent/reconcile/device-policy.ts'
import { pod } from '../../support/builders.ts'

const open = { hostPathAllowed: [], hostNetworkAllowed: true, privilegedAllowed: true }
const closed = { hostPathAllowed: [], hostNetworkAllowed: false, privilegedAllowed: false }
const web = (securityContext: object) => ({ containers: [{ name: 'web', image: 'web', securityContext }] })

t.test('A device that allows everything refuses nothing', async (t) => {
  t.equal(
    refusedHere(pod('web', { ...web({ privileged: true }), hostNetwork: true, hostPID: true, hostIPC: true }), open),
    undefined,
  )
})

t.test('A device that allows little says which setting refuses', async (t) => {
  t.match(refusedHere(pod('web', { ...web({}), hostNetwork: true }), closed), /hostNetwork: .*hostNetworkAllowed/)
  t.match(
    refusedHere(pod('web', web({ privileged: true })), closed),
    /privileged container \(web\): .*privilegedAllowed/,
  )
  t.match(refusedHere(pod('web', web({ capabilities: { add: ['NET_ADMIN'] } })), closed), /added capabilities/)
  t.match(refusedHere(pod('web', { ...web({}), hostPID: true }), closed), /hostPID: .*privilegedAllowed/)
  t.match(refusedHere(pod('web', { ...web({}), hostIPC: true }), closed), /hostIPC: .*privilegedAllowed/)
  t.equal(refusedHere(pod('web', web({ capabilities: { drop: ['ALL'] } })), closed), undefined)
})
