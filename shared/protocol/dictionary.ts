// dictionary.ts - preset dictionaries for deflate: what our messages say most often, or the message before this one
import { createHash } from 'node:crypto'

export interface Dictionary {
  readonly id: number
  readonly bytes: Uint8Array
}

/** The id of "no dictionary": what everybody can read. */
export const PLAIN = 0
/** Deflate looks back no further than this. */
const WINDOW_BYTES = 32_768

export function dictionaryOf(message: Uint8Array): Dictionary {
  const id = createHash('sha256').update(message).digest().readUInt32BE(0)
  return { id: id === PLAIN ? 1 : id, bytes: message.subarray(Math.max(0, message.length - WINDOW_BYTES)) }
}

/**
 * Typical fragments in canonical order; what is most frequent stands last, where references are shortest. A change here
 * changes the id, and a peer that holds the former one asks for plain messages: nothing breaks.
 */
const FRAGMENTS = [
  '"clockSet":true,"seq":{"body":{"kind":"event","message":"Back-off restarting failed container","pod":{"fieldPath":"spec.containers{',
  '"reason":"Pulled","Pulling","Created","Started","Killing","BackOff","Failed","Unhealthy","severity":"Warning","severity":"Normal"',
  '"type":"journal","entries":[{"atMs":17,"session":,"type":"ack","upTo":',
  '{"agentVersion":"","facts":{"addresses":[{"address":"","type":"InternalIP"},{"address":"","type":"Hostname"}],"architecture":"arm64",',
  '"bootId":"","cpus":4,"diskBytes":,"hostname":"","kernel":"","machineId":"","memoryBytes":,"model":"Raspberry Pi","os":"linux",',
  '"osImage":"Debian GNU/Linux 12 (bookworm)"},"held":{"digest":"","epoch":1,"revision":},"instance":"","labels":{"holdfast.dev/runtime-docker":"true"',
  '},"protocol":1,"runtimes":[{"architecture":"amd64","name":"docker","os":"linux","version":"docker://"}],"session":,"statusDigest":"","type":"hello"}',
  '"affinity":{},"args":["-c"],"command":["sh","-c"],"configMapKeyRef":{"key":"","name":""},"configMapRef":{"name":""},"envFrom":[{',
  '"emptyDir":{"medium":"Memory"},"hostPath":{"path":"/","type":""},"secretKeyRef":{"key":"","name":""},"secret":{"defaultMode":420,"secretName":"',
  '"configMap":{"defaultMode":420,"name":""},"projected":{"sources":[{"downwardAPI":{"items":[{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.',
  '"livenessProbe":{"failureThreshold":3,"httpGet":{"path":"/","port":8080,"scheme":"HTTP"},"initialDelaySeconds":,"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1},"readinessProbe":{"tcpSocket":{"port":',
  '"tolerations":[{"effect":"NoExecute","key":"node.kubernetes.io/not-ready","operator":"Exists","tolerationSeconds":60},{"effect":"NoExecute","key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":60}],',
  '{"configMaps":{},"epoch":1,"node":"","pods":[{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{},"creationTimestamp":"202',
  '","labels":{"app":"","pod-template-hash":""},"name":"","namespace":"default","resourceVersion":"","uid":""},"spec":{"containers":[{',
  '"env":[{"name":"","value":""}],"image":"","imagePullPolicy":"IfNotPresent","name":"","ports":[{"containerPort":8080,"protocol":"TCP"}],',
  '"resources":{"limits":{"cpu":"","memory":""},"requests":{"cpu":"100m","memory":"64Mi"}},"securityContext":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","volumeMounts":[{"mountPath":"/","name":"","readOnly":true}]}],',
  '"dnsPolicy":"ClusterFirst","enableServiceLinks":true,"nodeName":"","preemptionPolicy":"PreemptLowerPriority","priority":0,"restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"serviceAccount":"default","serviceAccountName":"default","terminationGracePeriodSeconds":30,"volumes":[{"name":"',
  '"revision":,"secrets":{},"settings":{"beatEveryMs":10000},"type":"state"}',
  '{"report":{"conditions":[{"lastHeartbeatTime":"","lastTransitionTime":"202","message":"","reason":"KubeletHasSufficientMemory","status":"False","type":"MemoryPressure"},{"reason":"KubeletHasNoDiskPressure","status":"False","type":"DiskPressure"}],"observed":{"epoch":1,"revision":},"pods":[{"name":"","namespace":"default","status":{',
  '"conditions":[{"lastProbeTime":null,"lastTransitionTime":"202","status":"True","type":"Initialized"},{"status":"True","type":"Ready"},{"message":"containers with unready status: [","reason":"ContainersNotReady","status":"False","type":"ContainersReady"},{"status":"True","type":"PodScheduled"}],',
  '"containerStatuses":[{"containerID":"docker://","image":"","imageID":"docker-pullable://","lastState":{"terminated":{"containerID":"","exitCode":1,"finishedAt":"","reason":"Error","startedAt":""}},"name":"","ready":true,"restartCount":0,"started":true,"state":{"waiting":{"message":"","reason":"CrashLoopBackOff"}}',
  '"reason":"ContainerCreating"},"reason":"ImagePullBackOff","reason":"ErrImagePull","reason":"Completed","state":{"running":{"startedAt":"2026-',
  '"hostIP":"","hostIPs":[{"ip":""}],"initContainerStatuses":[],"phase":"Pending","phase":"Failed","phase":"Succeeded","phase":"Running","podIP":"172.17.0.","podIPs":[{"ip":"172.17.0."}],"qosClass":"BestEffort","startTime":"2026-","stopped":true,"uid":"',
  '},"seq":,"session":,"type":"status"}',
  // With the zeros that the rounding of samples makes: a number's end and the next name are one reference.
  '{"cpu":,"disk":0000000,"e":1,"load":,"mem":000000,"r":,"rx":00000,"seq":,"session":,"temp":,"tx":00000,"type":"beat","up":',
]

export const STATIC_DICTIONARY: Dictionary = dictionaryOf(Buffer.from(FRAGMENTS.join('')))
