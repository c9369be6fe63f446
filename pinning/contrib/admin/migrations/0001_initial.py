"""The model behind the page, which has no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """It makes nothing in the database but the permission, after it."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Replica",
            fields=[
                (
                    "alias",
                    models.CharField(max_length=200, primary_key=True, serialize=False),
                ),
            ],
            options={
                "managed": False,
                "base_manager_name": "objects",
                "default_permissions": ("view",),
            },
        ),
    ]
