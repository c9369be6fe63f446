"""The page's table."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes it."""

    dependencies = [("wagtailcore", "0002_initial_data")]
    operations = [
        migrations.CreateModel(
            name="Leaf",
            fields=[
                (
                    "page_ptr",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="wagtailcore.page",
                    ),
                ),
            ],
            bases=("wagtailcore.page",),
        ),
    ]
