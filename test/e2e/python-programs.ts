// python-programs.ts - the Python programs of the articles that this project began with, with the image of the tests

/** The first article's, with the line that loads the kubeconfig, and without its Docker half: it needs no orchestrator. */
export const PLAIN_DICTIONARIES = `
import kubernetes

kubernetes.config.load_kube_config()

# 创建Kubernetes客户端
k8s_client = kubernetes.client.CoreV1Api()

# 创建Pod
pod = k8s_client.create_namespaced_pod(
    body={
        'apiVersion': 'v1',
        'kind': 'Pod',
        'metadata': {
            'name': 'nginx-pod'
        },
        'spec': {
            'containers': [
                {
                    'name': 'nginx-container',
                    'image': 'my-image'
                }
            ],
            'ports': [
                {
                    'containerPort': 80
                }
            ]
        }
    },
    namespace='default'
)

# 删除Pod
k8s_client.delete_namespaced_pod(
    name='nginx-pod',
    namespace='default'
)
`

/** The third article's. */
export const TYPED_OBJECTS = `
from kubernetes import client, config

# 加载Kubernetes配置
config.load_kube_config()

# 创建API客户端
api_client = client.CoreV1Api()

# 创建Docker镜像
docker_image = "my-image:latest"

# 创建容器
container = client.V1Container(
    name="my-service",
    image=docker_image,
    resources=client.V1ResourceRequirements(
        requests={"cpu": "100m", "memory": "128Mi"},
        limits={"cpu": "200m", "memory": "256Mi"}
    )
)

# 创建Pod
pod = client.V1Pod(
    metadata=client.V1ObjectMeta(
        name="my-pod"
    ),
    spec=client.V1PodSpec(
        containers=[container]
    )
)

# 创建服务
service = client.V1Service(
    metadata=client.V1ObjectMeta(
        name="my-service"
    ),
    spec=client.V1ServiceSpec(
        selector={"app": "my-service"},
        ports=[client.V1ServicePort(protocol="TCP", port=80, target_port=80)]
    )
)

# 部署和扩展
api_client.create_namespaced_pod(namespace="default", body=pod)
api_client.create_namespaced_service(namespace="default", body=service)
`

/** What somebody would write next: wait for it by a watch, read its log, run something in it, take it away. */
export const WATCH_AND_ASK = `
from kubernetes import client, config, watch
from kubernetes.stream import stream

config.load_kube_config()
api = client.CoreV1Api()

for event in watch.Watch().stream(api.list_namespaced_pod, namespace="default", timeout_seconds=60):
    pod = event["object"]
    if pod.metadata.name == "my-pod" and pod.status.phase == "Running":
        break

print("phase", pod.status.phase)
print("said", stream(api.connect_get_namespaced_pod_exec, "my-pod", "default",
    command=["echo", "hello"], stderr=True, stdin=False, stdout=True, tty=False).strip())
print("limits", pod.spec.containers[0].resources.limits["memory"])
print("versions", client.VersionApi().get_code().major)
print("nodes", len(api.list_node().items))
api.patch_namespaced_pod("my-pod", "default", {"metadata": {"labels": {"tier": "web"}}})
print("labelled", [p.metadata.name for p in api.list_namespaced_pod("default", label_selector="tier=web").items])
api.delete_namespaced_pod("my-pod", "default", grace_period_seconds=0)
api.delete_namespaced_service("my-service", "default")
try:
    api.read_namespaced_service("my-service", "default")
except client.exceptions.ApiException as error:
    print("gone", error.status, error.reason)
`
