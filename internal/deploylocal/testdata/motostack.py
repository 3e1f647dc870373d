"""moto in one thread, mended so far that it takes the stack.

moto 5.2.1 crashes on an archive with a pattern, on a key or a parameter with tags, and on an
attribute of a resource whose type it does not know. Types that it does not know get a placeholder that
has a name and nothing else: the test looks at what moto really made, and only
at that. The placeholders' types are printed, one a line.
"""
import json
import os
import sys

os.environ["MOTO_PORT"] = sys.argv[1]
with open(sys.argv[2]) as file:
    TYPES = {resource["Type"] for resource in json.load(file)["Resources"].values()}

from werkzeug.serving import run_simple  # noqa: E402
from moto.cloudformation import parsing  # noqa: E402
from moto.core.common_models import CloudFormationModel  # noqa: E402
from moto.events.models import Archive  # noqa: E402
from moto.kms.models import Key  # noqa: E402
from moto.ssm.models import Parameter  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402


def mend(model, change):
    """Has a model made from properties that have been changed to what it can read."""
    create = model.create_from_cloudformation_json.__func__

    def create_mended(cls, name, resource, *args, **kwargs):
        resource = {**resource, "Properties": change(dict(resource["Properties"]))}
        return create(cls, name, resource, *args, **kwargs)

    model.create_from_cloudformation_json = classmethod(create_mended)


def pattern_as_text(properties):
    if isinstance(properties.get("EventPattern"), dict):
        properties["EventPattern"] = json.dumps(properties["EventPattern"])
    return properties


def tags_as_kms_says(properties):
    properties["Tags"] = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags", [])]
    return properties


def tags_as_ssm_says(properties):
    properties["Tags"] = [{"Key": key, "Value": value} for key, value in properties.get("Tags", {}).items()]
    return properties


mend(Archive, pattern_as_text)
mend(Parameter, tags_as_ssm_says)
mend(Key, tags_as_kms_says)


def placeholder(resource_type):
    """A direct subclass, since moto looks for those alone."""

    class Placeholder(CloudFormationModel):
        __module__ = "moto.placeholder"  # where moto looks for the service
        def __init__(self, name):
            self.name = name

        physical_resource_id = property(lambda self: self.name)
        cloudformation_name_type = staticmethod(lambda: "")
        cloudformation_type = staticmethod(lambda: resource_type)
        has_cfn_attr = classmethod(lambda cls, attribute: True)

        def get_cfn_attribute(self, attribute):
            return self.name + "." + attribute

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, *args, **kwargs):
            return cls(resource_name)

        @classmethod
        def update_from_cloudformation_json(cls, original_resource, new_resource_name, *args, **kwargs):
            return cls(new_resource_name)

        @classmethod
        def delete_from_cloudformation_json(cls, *args, **kwargs):
            pass

        def delete(self, *args, **kwargs):
            pass

    return Placeholder


unknown = sorted(t for t in TYPES if parsing.resource_class_from_type(t) is None)
placeholders = [placeholder(t) for t in unknown]  # kept: moto finds them by reference
parsing.get_model_list.cache_clear()
parsing.get_model_map.cache_clear()
parsing.get_name_type_map.cache_clear()
print("\n".join(unknown), flush=True)
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
