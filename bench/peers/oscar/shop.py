"""Seeds the shop, or serves it: python shop.py seed ORDERS TOKEN | serve --port PORT."""

import os
import sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
sys.path.insert(0, str(Path(__file__).parent))


def seed(orders, token):
    """So many orders of one customer, who has this token."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import transaction
    from oscar.test.factories import create_order
    from rest_framework.authtoken.models import Token

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        user = get_user_model().objects.create_user("bench", "bench@bench.example")
        Token.objects.create(user=user, key=token)
        for number in range(orders):
            create_order(number=f"bench-{number:07d}", user=user)


def serve(port):
    """One worker of gunicorn, which keeps its connections."""
    program = str(Path(sys.executable).with_name("gunicorn"))
    plan = ["--workers", "1", "--worker-class", "gthread", "--threads", "4", "--keep-alive", "60"]
    where = ["--bind", f"127.0.0.1:{port}", "--chdir", str(Path(__file__).parent)]
    application = "django.core.wsgi:get_wsgi_application()"
    command = [program, *plan, *where, "--log-level", "warning", application]
    os.execv(program, command)  # noqa: S606 - the shop's server takes the place of this process


if __name__ == "__main__":
    if sys.argv[1] == "seed":
        seed(int(sys.argv[2]), sys.argv[3])
    else:
        serve(sys.argv[sys.argv.index("--port") + 1])
